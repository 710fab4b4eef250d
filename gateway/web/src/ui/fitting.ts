// fitting are the options that have every word of a text. A list that searches at the server shows
// these until the answer to what was typed is there, so that nobody chooses from the answer before.
export function fitting<T extends { label: string }>(options: T[], text: string): T[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return options.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)))
}
