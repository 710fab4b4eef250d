import { Button, Group, Modal, type ModalProps } from '@mantine/core'
import { useEffect, type ReactNode } from 'react'

// Dialog is a modal that is drawn only while it is open. It gives the focus back to what opened it, or
// to the button of the menu in which that stood.
export function Dialog(props: Omit<ModalProps, 'opened'>) {
  useEffect(() => {
    const before = openerOf(document.activeElement)
    return () => {
      // What is gone, as a row that was decided about, gets no focus.
      if (before?.isConnected) before.focus({ preventScroll: true })
    }
  }, [])
  return <Modal opened returnFocus={false} {...props} />
}

function openerOf(element: Element | null): HTMLElement | null {
  const menu = element?.closest('[role="menu"]')
  const opener = menu ? document.getElementById(menu.getAttribute('aria-labelledby') ?? '') : element
  return opener instanceof HTMLElement ? opener : null
}

// DialogButtons end a dialog: one closes it, and its children do what it asks about. What cannot be
// taken back is not the first that the keyboard comes to: then the closing one has the focus.
export function DialogButtons({ close, back = 'Back', focused, children }: { close: () => void; back?: string; focused?: boolean; children: ReactNode }) {
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={close} data-autofocus={focused}>
        {back}
      </Button>
      {children}
    </Group>
  )
}
