// The look, all of it: palette, type, density. Mantine's theme takes the values from here, stylesheets take them as
// --desk-* variables. No other file names a colour.
import {
  ActionIcon,
  Button,
  Checkbox,
  createTheme,
  Input,
  InputWrapper,
  Modal,
  PasswordInput,
  Progress,
  SegmentedControl,
  Select,
  TextInput,
  Tooltip,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from '@mantine/core'

// Chinese sets Latin and quotes in the Chinese face; English must not get its wide quotation marks.
const fonts = {
  '--desk-font-zh': '"Microsoft YaHei UI", "Microsoft YaHei", "PingFang SC", "Noto Sans CJK SC", "WenQuanYi Zen Hei", system-ui, sans-serif',
  '--desk-font-en': '"Segoe UI Variable Text", "Segoe UI", -apple-system, Inter, "Noto Sans", "DejaVu Sans", "Microsoft YaHei UI", "PingFang SC", "Noto Sans CJK SC", "WenQuanYi Zen Hei", sans-serif',
}

const fontFamilyMonospace = '"Cascadia Mono", Consolas, "SF Mono", Menlo, "DejaVu Sans Mono", monospace'

// prettier-ignore
const teal: MantineColorsTuple = ['#e6f6f6', '#cfeaeb', '#a3d7d9', '#70c1c5', '#48b0b5', '#35b6bd', '#138a92', '#0a757d', '#075f66', '#044a50']
// prettier-ignore
const graphite: MantineColorsTuple = ['#e6e8ec', '#c9cdd4', '#a5acb8', '#7b828e', '#363b43', '#2a2e35', '#23272d', '#1f2227', '#17191d', '#121417']

// prettier-ignore
const red: MantineColorsTuple = ['#fcebe9', '#f7d3cf', '#eeaba4', '#ee938a', '#ec8a80', '#c94a3e', '#c1402f', '#b93227', '#9c281f', '#7c1f18']

export const theme = createTheme({
  fontFamily: 'var(--desk-font)',
  fontFamilyMonospace,
  colors: { teal, red, dark: graphite },
  primaryColor: 'teal',
  primaryShade: { light: 7, dark: 5 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: 'sm',
  focusRing: 'auto',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.4' },
  radius: { xs: '3px', sm: '5px', md: '7px', lg: '10px', xl: '16px' },
  spacing: { xs: '6px', sm: '10px', md: '14px', lg: '20px', xl: '28px' },
  headings: { fontWeight: '600' },
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 28 } }),
    Button: Button.extend({ defaultProps: { size: 'xs', fw: 500 } }),
    Checkbox: Checkbox.extend({ defaultProps: { size: 'xs' }, styles: { label: { paddingInlineStart: 8 } } }),
    Input: Input.extend({ defaultProps: { size: 'xs' } }),
    InputWrapper: InputWrapper.extend({
      vars: () => ({ label: {}, required: {}, success: {}, error: { '--input-error-size': '12px' }, description: { '--input-description-size': '12px' } }),
    }),
    TextInput: TextInput.extend({ defaultProps: { size: 'xs' } }),
    PasswordInput: PasswordInput.extend({ defaultProps: { size: 'xs' } }),
    Select: Select.extend({ defaultProps: { size: 'xs', allowDeselect: false, checkIconPosition: 'right' } }),
    SegmentedControl: SegmentedControl.extend({ defaultProps: { size: 'xs' } }),
    // Its scroll lock writes a <style> of its own, which the Content-Security-Policy refuses; the page never scrolls.
    Modal: Modal.extend({ defaultProps: { lockScroll: false, centered: true, padding: 'lg', radius: 'md' }, styles: { title: { fontWeight: 600, fontSize: 15 } } }),
    Progress: Progress.extend({ defaultProps: { size: 6, radius: 'xl' } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 400, withArrow: false, fz: 12, px: 8, py: 4 } }),
  },
})

const light = {
  '--desk-canvas': '#f2f3f5',
  '--desk-panel': '#ffffff',
  '--desk-sunken': '#e9ebee',
  '--desk-rail': '#e6e8eb',
  '--desk-hover': '#eceef1',
  '--desk-selected': '#e1eff0',
  '--desk-line': '#dadde2',
  '--desk-line-strong': '#bfc4cc',
  '--desk-text': '#1a1e24',
  '--desk-text-dim': '#555d69',
  '--desk-text-faint': '#666e7a',
  '--desk-accent': '#0a757d',
  '--desk-ok': '#22753a',
  '--desk-warn': '#8a5700',
  '--desk-warn-soft': '#fdf3df',
  '--desk-danger': '#b93227',
  '--desk-danger-soft': '#fcebe9',
  '--desk-viewer': '#1a1d22',
  '--desk-viewer-text': '#a9b0bb',
  '--desk-viewer-bar': '#101216',
  '--desk-viewer-track': '#4a505a',
  '--desk-viewer-accent': '#3cc3ca',
  '--desk-play': '#ffffff',
  '--desk-play-disc': 'rgb(0 0 0 / 60%)',
  '--desk-shadow': '0 8px 28px rgb(20 26 36 / 14%)',
} as const

const dark: Record<keyof typeof light, string> = {
  '--desk-canvas': '#17191d',
  '--desk-panel': '#1f2227',
  '--desk-sunken': '#131518',
  '--desk-rail': '#111316',
  '--desk-hover': '#262a30',
  '--desk-selected': '#1d3236',
  '--desk-line': '#2c3037',
  '--desk-line-strong': '#444a55',
  '--desk-text': '#e6e8ec',
  '--desk-text-dim': '#a5acb8',
  '--desk-text-faint': '#8d95a2',
  '--desk-accent': '#35b6bd',
  '--desk-ok': '#6cc488',
  '--desk-warn': '#e0aa52',
  '--desk-warn-soft': '#332a19',
  '--desk-danger': '#f2857a',
  '--desk-danger-soft': '#3a2322',
  '--desk-viewer': '#0c0d0f',
  '--desk-viewer-text': '#8d95a2',
  '--desk-viewer-bar': '#101114',
  '--desk-viewer-track': '#3d424b',
  '--desk-viewer-accent': '#3cc3ca',
  '--desk-play': '#ffffff',
  '--desk-play-disc': 'rgb(0 0 0 / 60%)',
  '--desk-shadow': '0 8px 28px rgb(0 0 0 / 45%)',
}

/** Mantine's own variables, pointed at the palette above so that its parts sit in it. */
const shared = {
  '--mantine-color-text': 'var(--desk-text)',
  '--mantine-color-body': 'var(--desk-panel)',
  '--mantine-color-dimmed': 'var(--desk-text-dim)',
  '--mantine-color-placeholder': 'var(--desk-text-faint)',
  '--mantine-color-default-border': 'var(--desk-line-strong)',
  '--mantine-color-error': 'var(--desk-danger)',
}

export const cssVariables: CSSVariablesResolver = () => ({
  variables: { ...fonts, '--desk-rail-width': '76px', '--desk-status-height': '28px' },
  light: { ...light, ...shared },
  dark: { ...dark, ...shared },
})
