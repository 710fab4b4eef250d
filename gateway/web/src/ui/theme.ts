import { createTheme, type MantineColorsTuple } from '@mantine/core'

// A quiet blue; the shade that carries white text has a contrast of more than 4.5.
const entra: MantineColorsTuple = [
  '#eef3ff',
  '#dce4f8',
  '#b8c7ee',
  '#91a8e4',
  '#708edc',
  '#5b7dd7',
  '#4f74d5',
  '#2f5fd0',
  '#2853bb',
  '#1d47a6',
]

// The greys of the dark scheme: as blue as the cards.
const dark: MantineColorsTuple = ['#d5d9e0', '#b7bdc8', '#9aa2b0', '#747d8c', '#4d5563', '#3a404b', '#2b2f37', '#191b20', '#141619', '#0f1113']

export const theme = createTheme({
  primaryColor: 'entra',
  primaryShade: { light: 7, dark: 8 },
  colors: { entra, dark },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  headings: { fontWeight: '650' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 200, multiline: true } },
    Button: { defaultProps: { size: 'sm' } },
    Modal: { defaultProps: { centered: true, attributes: { header: { role: 'presentation' } }, closeButtonProps: { 'aria-label': 'Close' } } },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    // Whoever opens a menu is at its first entry, and back at its button when it closes.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, returnFocus: true } },
    // What is drawn over the page stands within a landmark of it.
    Portal: { defaultProps: { target: '#overlays' } },
    // The list itself scrolls, as the arrows of the combobox go through it; a box around it could not be reached by keys.
    ComboboxTarget: { defaultProps: { withExpandedAttribute: true } },
    Select: { defaultProps: { withScrollArea: false, attributes: { input: { role: 'combobox' } }, styles: { options: { maxHeight: 240, overflowY: 'auto' } } } },
    Checkbox: { defaultProps: { radius: 'sm' } },
    Table: { defaultProps: { verticalSpacing: 'sm', horizontalSpacing: 'md' } },
    // Tables that are drawn as lines where there is little room stay tables to who hears them.
    TableThead: { defaultProps: { role: 'rowgroup' } },
    TableTbody: { defaultProps: { role: 'rowgroup' } },
    TableTr: { defaultProps: { role: 'row' } },
    TableTd: { defaultProps: { role: 'cell' } },
  },
})
