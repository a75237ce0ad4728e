// A file name in two parts for an ellipsis in its middle: the end with its extension always stays readable.

const tailLength = 6

/** The tail holds the extension and the last few characters before it, whole characters as people see them. */
export function splitName(name: string): { readonly head: string; readonly tail: string } {
  const dot = name.lastIndexOf('.')
  const hasExtension = dot > 0 && name.length - dot <= 8
  const stem = hasExtension ? name.slice(0, dot) : name
  const extension = hasExtension ? name.slice(dot) : ''
  const characters = [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(stem)]
  const cut = characters[Math.max(0, characters.length - tailLength)]
  const at = cut && characters.length > tailLength * 2 ? cut.index : stem.length
  return { head: stem.slice(0, at), tail: stem.slice(at) + extension }
}
