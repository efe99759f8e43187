/** How set-up shows a step: one line rewritten in place on a terminal, a line now and then anywhere else. */

const isTerminal = process.stderr.isTTY === true;
const quietMs = 10_000;

/** Opens the line of a step. `detail` is what is known of its progress; the elapsed time is added. */
export function openStepLine(name) {
  const startedAt = Date.now();
  let detail = '';
  let printedAt = startedAt;
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const timer = setInterval(draw, isTerminal ? 250 : 1000);
  timer.unref();

  function draw() {
    const text = `  … ${name.padEnd(16)} ${`${seconds()} s`.padStart(6)}  ${detail}`;
    if (isTerminal) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    else if (Date.now() - printedAt >= quietMs) {
      printedAt = Date.now();
      process.stderr.write(`${text}\n`);
    }
  }

  function close(mark, text) {
    clearInterval(timer);
    const elapsed = seconds() > 0 ? `${seconds()} s` : '';
    process.stderr.write(`${isTerminal ? '\r\x1b[K' : ''}  ${mark} ${name.padEnd(16)} ${elapsed.padStart(6)}  ${text}\n`);
  }

  return {
    /** @param {string} text for example "143 of 412 packages" */
    update(text) {
      if (!isTerminal && detail === '') {
        detail = text;
        process.stderr.write(`  … ${name.padEnd(16)} ${`${seconds()} s`.padStart(6)}  ${detail}\n`);
        printedAt = Date.now();
      }
      detail = text;
    },
    end: (text) => close('✓', text),
    fail: () => close('✗', detail),
  };
}
