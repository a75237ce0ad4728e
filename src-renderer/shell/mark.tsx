// The app's mark: an open mouth drawn as the bars of a voice.
export function Mark({ className }: { readonly className?: string | undefined }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--desk-accent)" />
      <g stroke="var(--desk-panel)" strokeWidth="2.6" strokeLinecap="round">
        <path d="M7 15v2" />
        <path d="M11.5 11.5v9" />
        <path d="M16 9v14" />
        <path d="M20.5 11.5v9" />
        <path d="M25 15v2" />
      </g>
    </svg>
  )
}
