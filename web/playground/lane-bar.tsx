/** Which models answer side by side: one to four. */
import { Button } from '../components/button.tsx';
import { boxLook } from '../new-run/field.tsx';
import { mostLanes, type Lane } from './conversation.ts';
import type { LaneOptions } from './lane-options.ts';

interface LaneBarProps {
  lanes: Lane[];
  options: LaneOptions;
  onModel: (lane: Lane, model: string) => void;
  onLanes: (lanes: Lane[]) => void;
}

export function LaneBar({ lanes, options, onModel, onLanes }: LaneBarProps) {
  const add = (): void => {
    const known = options.groups.flatMap((group) => group.options.map(({ model }) => model));
    const model = known.find((id) => !lanes.some((lane) => lane.model === id)) ?? lanes.at(-1)?.model ?? '';
    onLanes([...lanes, { id: Math.max(0, ...lanes.map(({ id }) => id)) + 1, model }]);
  };
  return (
    <div className="flex flex-wrap gap-2">
      {lanes.map((lane, index) => (
        <div key={lane.id} className="flex min-w-0 flex-1 basis-52 items-center gap-1">
          <LaneSelect lane={lane} name={`Lane ${index + 1}`} options={options} onModel={(model) => onModel(lane, model)} />
          {lanes.length > 1 && (
            <Button kind="quiet" aria-label={`Remove lane ${index + 1}`} onClick={() => onLanes(lanes.filter(({ id }) => id !== lane.id))}>
              ✕
            </Button>
          )}
        </div>
      ))}
      {lanes.length < mostLanes && (
        <Button onClick={add} disabled={options.groups.length === 0}>
          + Lane
        </Button>
      )}
    </div>
  );
}

function LaneSelect({
  lane,
  name,
  options,
  onModel,
}: {
  lane: Lane;
  name: string;
  options: LaneOptions;
  onModel: (model: string) => void;
}) {
  const isKnown = options.groups.some((group) => group.options.some(({ model }) => model === lane.model));
  return (
    <select aria-label={name} className={boxLook} value={lane.model} onChange={(event) => onModel(event.target.value)}>
      {!isKnown && <option value={lane.model}>{lane.model === '' ? 'Choose a model' : lane.model}</option>}
      {options.groups.map((group) => (
        <optgroup key={group.label} label={group.label}>
          {group.options.map(({ model, label }) => (
            <option key={model} value={model}>
              {label}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}
