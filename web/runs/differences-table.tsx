/** What is different between columns, a row each. */

interface DifferencesTableProps {
  label: string;
  columns: readonly { id: string; title: string }[];
  rows: readonly { name: string; values: readonly string[] }[];
  className: string;
}

export function DifferencesTable({ label, columns, rows, className }: DifferencesTableProps) {
  return (
    <div className={className} tabIndex={0} role="region" aria-label={label}>
      <table className="w-full text-left text-[13px]">
        <thead>
          <tr className="border-b text-muted">
            <th className="py-1 pr-4 font-medium">Differs in</th>
            {columns.map(({ id, title }) => (
              <th key={id} className="py-1 pr-4 font-medium">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="font-mono">
          {rows.map(({ name, values }) => (
            <tr key={name} className="border-b align-top last:border-0">
              <th scope="row" className="py-1 pr-4 font-normal text-muted">
                {name}
              </th>
              {values.map((value, index) => (
                <td key={columns[index]!.id} className="break-all py-1 pr-4">
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
