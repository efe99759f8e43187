/** What a driver is: options that are checked, and a function that opens it. A room knows its interface, `app.ts` its name. */
import type { z } from 'zod';
import { PlatformError } from './errors.ts';

export interface Driver<Opened, Options extends z.ZodType = z.ZodType> {
  options: Options;
  open: (options: z.output<Options>) => Promise<Opened>;
}

/** Name → lazily imported driver: a heavy SDK is loaded when its driver is opened, not before. */
export type Registry<Opened> = Record<string, () => Promise<{ driver: Driver<Opened> }>>;

/** Ties the type of the options to what `open` receives. */
export function defineDriver<Opened, Options extends z.ZodType>(driver: Driver<Opened, Options>): Driver<Opened, Options> {
  return driver;
}

/** Opens the driver that `config.driver` names. Throws `setting_invalid` for an unknown name or options that do not fit. */
export async function openDriver<Opened>(
  registry: Registry<Opened>,
  config: { driver: string; [option: string]: unknown },
): Promise<Opened> {
  const load = registry[config.driver];
  if (!load) {
    throw new PlatformError('setting_invalid', `there is no driver "${config.driver}"; choose one of ${Object.keys(registry).join(', ')}`);
  }
  const { driver } = await load();
  const options = driver.options.safeParse(config);
  if (!options.success) {
    const issue = options.error.issues[0];
    throw new PlatformError('setting_invalid', `driver "${config.driver}", option "${issue?.path.join('.')}": ${issue?.message}`);
  }
  return driver.open(options.data);
}
