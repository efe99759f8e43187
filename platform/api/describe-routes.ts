/** The OpenAPI document, made of the contract's shapes and the routes' own words. */
import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { version } from '#platform/core/version.ts';
import type { ApiServer } from './api-server.ts';

/** Must come before the routes: it watches them being added. */
export async function describeRoutes(server: ApiServer): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tuneloop',
        version,
        description:
          "OpenAI's fine-tuning and inference API on your own machine. Clients of OpenAI work unchanged: set their base URL to this server's /v1.",
      },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key, sk-tl-…' } } },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
}
