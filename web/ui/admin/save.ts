/** Taking things out of the page that are shown once: to the clipboard, or as a file. */

/** Codes as a CSV with one column, safe to open in a spreadsheet: a cell never begins like a formula. */
export function codesCSV(codes: readonly string[]): string {
  return ['code', ...codes.map(cell)].join('\r\n') + '\r\n';
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** A file name from a label: "Teaching hospitals" -> "codes-teaching-hospitals.csv". */
export function fileName(label: string): string {
  const words = label
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  return `codes${words ? `-${words.slice(0, 60)}` : ''}.csv`;
}

/** Hands a text to the reader as a file. */
export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Copies a text; false when the browser refuses, as it does without HTTPS. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
