/** What a token of a row tells: its loss as a step from 0 to 4, what tuning did to it, and all of it in words. */
import type { RowXray } from '#contract/datasets.ts';

export type Token = RowXray['tokens'][number];

/** mask: what is learnt; base and tuned: the loss under each; difference: what tuning did to it. */
export const xrayViews = ['mask', 'base', 'tuned', 'difference'] as const;
export type XrayView = (typeof xrayViews)[number];

export function isXrayView(text: string | undefined): text is XrayView {
  return (xrayViews as readonly string[]).includes(text ?? '');
}

/** Losses in nats at which the next step begins: e^-0.5 is 61 %, e^-6 is 0.2 %. */
export const lossSteps = [0.5, 1.5, 3, 6];

/** 0 for a token that was expected, or has no loss in this view. */
export function lossStep({ base_loss: base, loss }: Token, view: XrayView): number {
  const shown = view === 'base' ? base : view === 'tuned' ? loss : null;
  return shown === null ? 0 : lossSteps.filter((from) => shown >= from).length;
}

/** Differences in nats from which a token counts as learnt or forgotten, and as much so. */
const changeSteps = [0.1, 1];

/** −2 and −1 were learnt, 1 and 2 forgotten, 0 stayed as it was. */
export function changeStep(token: Token): number {
  const change = changeOf(token) ?? 0;
  return Math.sign(change) * changeSteps.filter((from) => Math.abs(change) >= from).length;
}

/** Loss after minus loss before: below 0 is learnt. */
export function changeOf({ base_loss: before, loss: after }: Pick<Token, 'base_loss' | 'loss'>): number | null {
  return before === null || after === null ? null : after - before;
}

/** What stands in the page for it: white space that would not be seen gets a sign. Line ends stay line ends, too. */
export function shownText({ text }: Token): string {
  if (text === '') return '·';
  return text.replaceAll('\n', '↵\n').replaceAll('\t', '⇥\t');
}

/** All about it in words, for the line under the text and for those who hear it; `number` counts from 1. */
export function describeToken(token: Token, number: number): string {
  const { id, text, trained, special, truncated, base_loss: base, loss, likeliest } = token;
  const what = truncated ? 'cut off' : trained ? 'learnt' : 'masked';
  const name = text === '' ? 'part of the next character' : JSON.stringify(text);
  const losses = [
    ...(base === null ? [] : [`base loss ${base.toFixed(2)} (${chance(base)})`]),
    ...(loss === null ? [] : [`tuned loss ${loss.toFixed(2)} (${chance(loss)})`]),
    ...(likeliest === null || likeliest === text ? [] : [`likeliest ${JSON.stringify(likeliest)}`]),
  ];
  return [`${number}`, name, `id ${id}`, special ? `special, ${what}` : what, ...losses].join(' · ');
}

/** Probability of the token, from its loss in nats. */
function chance(loss: number): string {
  const percent = Math.exp(-loss) * 100;
  return `${percent >= 10 ? percent.toFixed(0) : percent >= 0.1 ? percent.toFixed(1) : '<0.1'} %`;
}
