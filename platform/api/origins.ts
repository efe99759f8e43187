/** Which web pages may call: the listed origins and the server's own. */

export function originList(corsOrigins: string): string[] {
  return corsOrigins
    .split(',')
    .map((origin) => origin.trim().replace(/\/$/, ''))
    .filter((origin) => origin !== '');
}

/** `host` is the Host header: a page that this server itself sent may call it. */
export function isAllowedOrigin(origin: string, host: string | undefined, corsOrigins: string): boolean {
  if (originList(corsOrigins).includes(origin)) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host;
}

/** `[::1]:8080` → `[::1]`. */
export function hostNameOf(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}
