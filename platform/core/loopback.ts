/** Whether a host name or address means this machine only. */

/** `[::1]` is how a URL and a Host header spell it. */
export function isLoopback(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || /^127(\.\d{1,3}){3}$/.test(host);
}
