import { Anchor, Button, type AnchorProps, type ButtonProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import { forwardRef } from 'react'

// Links to screens; where they lead, and with what, is checked by the compiler.
export const TextLink = createLink(
  forwardRef<HTMLAnchorElement, Omit<AnchorProps, 'href'>>(function TextAnchor(props, ref) {
    return <Anchor ref={ref} {...props} />
  }),
)

export const ButtonLink = createLink(
  forwardRef<HTMLAnchorElement, Omit<ButtonProps, 'href'>>(function ButtonAnchor(props, ref) {
    return <Button component="a" ref={ref} {...props} />
  }),
)
