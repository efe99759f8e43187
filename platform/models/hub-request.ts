/** One request to a hub: with its token, along its redirects, and with an error that says what to do. */
import { PlatformError } from '#platform/core/errors.ts';

export interface HubAddress {
  hub: string;
  hubToken: string | null;
  /** owner/name. */
  repo: string;
  gated: boolean;
}

export interface HubResponse extends Response {
  /** What the hub itself said of a file before it sent us on to where the bytes are: its SHA-256 when it is a large one. */
  linkedEtag: string | null;
}

const mostRedirects = 5;

/**
 * GET; the answer is a success. Throws `permission_denied` for a gated repository, `model_not_found`, `source_unreachable`. The
 * token goes to the hub and to nobody it sends us on to.
 */
export async function hubRequest(address: HubAddress, url: string, headers: Record<string, string> = {}): Promise<HubResponse> {
  let linkedEtag: string | null = null;
  let target = new URL(url);
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const isHub = target.origin === new URL(address.hub).origin;
    const authorization: Record<string, string> = isHub && address.hubToken ? { authorization: `Bearer ${address.hubToken}` } : {};
    const response = await reach(target, { ...headers, ...authorization, 'accept-encoding': 'identity' });
    linkedEtag ??= response.headers.get('x-linked-etag');
    if (![301, 302, 303, 307, 308].includes(response.status)) {
      if (!response.ok) throw await failureOf(address, target, response);
      return Object.assign(response, { linkedEtag });
    }
    await response.body?.cancel();
    target = new URL(response.headers.get('location') ?? '', target);
    if (!/^https?:$/.test(target.protocol)) break;
  }
  throw new PlatformError('source_unreachable', `${url} leads nowhere: it redirects too often, or to an address that is none`);
}

async function reach(url: URL, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'manual' });
  } catch (cause) {
    const why = (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error).message : (cause as Error).message;
    throw new PlatformError(
      'source_unreachable',
      `${url.origin} cannot be reached: ${why}. Check the network, or HF_ENDPOINT when you use a mirror`,
      { cause },
    );
  }
}

async function failureOf({ hub, hubToken, repo, gated }: HubAddress, url: URL, response: Response): Promise<PlatformError> {
  await response.body?.cancel();
  const { status } = response;
  // A hub answers 401 to a stranger for a repository that does not exist too: it does not tell which are private.
  if (status === 401 || status === 403) {
    const page = `${hub}/${repo}`;
    const token = hubToken ? 'The token in HF_TOKEN has no access' : 'Set HF_TOKEN to a token of your account (Settings, Access Tokens)';
    const licence = gated
      ? `accept its licence at ${page} first`
      : `if it exists (${page}), it is private or gated: accept its licence there`;
    return new PlatformError('permission_denied', `${repo} is not open to everybody: ${licence}. ${token}`);
  }
  if (status === 404)
    return new PlatformError(
      'model_not_found',
      `${url.host} has no ${url.pathname}: check the repository and the revision in the catalogue entry`,
    );
  return new PlatformError(
    'source_unreachable',
    `${url.host} answers ${status} for ${url.pathname}: try again later, what was fetched is kept`,
    { retryAfterSeconds: 60 },
  );
}
