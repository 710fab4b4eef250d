import { Alert, Badge, Button, Center, Group, Skeleton, Stack, Text, Title, type MantineColor } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'

import { describe } from '../api/failure'
import { signInAddress } from '../api/session'
import { Icon, type IconName } from './icon'
import { parted, violated, type Tone } from './words'

export const toneColor: Record<Tone, MantineColor> = { good: 'teal', busy: 'blue', warn: 'orange', bad: 'red', quiet: 'gray' }

const toneIcon: Record<Tone, IconName> = { good: 'check', busy: 'sync', warn: 'warning', bad: 'error', quiet: 'info' }

// State is a word with a colour and a sign, so that it is understood without the colour.
export function State({ text, tone }: { text: string; tone: Tone }) {
  return (
    <Badge className="state" color={toneColor[tone]} variant="light" radius="sm" tt="none" fw={600} leftSection={<Icon name={toneIcon[tone]} size={12} />}>
      {text}
    </Badge>
  )
}

// Loading keeps the place of what will come.
export function Loading({ lines = 4, label = 'Loading' }: { lines?: number; label?: string }) {
  return (
    <Stack gap="sm" role="status" aria-live="polite" aria-label={label}>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} height={i === 0 ? 28 : 18} width={i === 0 ? '40%' : `${95 - i * 8}%`} />
      ))}
    </Stack>
  )
}

// Asked is a question to the server, and what came of it.
interface Asked {
  data: unknown
  error: unknown
  refetch: () => unknown
}

// failed says that nothing can be shown of a question. An answer that came before stays on the screen
// while the server is away or the session has ended, unless it may no longer be seen.
export function failed(asked: Asked): boolean {
  if (!asked.error) return false
  return asked.data === undefined || ['forbidden', 'feature-off', 'not-found'].includes(describe(asked.error).kind)
}

// forbidden says that a question may not be asked: what would narrow its answer is not offered either.
export function forbidden(asked: Asked): boolean {
  return asked.error !== null && describe(asked.error).kind === 'forbidden'
}

// ready says that there is an answer to show.
export function ready<Q extends Asked>(asked: Q): asked is Q & { data: NonNullable<Q['data']> } {
  return asked.data !== undefined && !failed(asked)
}

// Unready is a page while its question has no answer, or when it got none; list is a link to where what
// is not there would stand.
export function Unready({ title, of, lines = 8, label, list }: { title: ReactNode; of: Asked[]; lines?: number; label?: string; list?: ReactNode }) {
  const wrong = of.find(failed)
  return (
    <Page title={title}>
      {wrong ? (
        <Problem
          error={wrong.error}
          list={list}
          again={() => {
            for (const each of of) if (each.error) void each.refetch()
          }}
        />
      ) : (
        <Loading lines={lines} {...(label ? { label } : {})} />
      )}
    </Page>
  )
}

// Empty says that there is nothing, why, and what comes next.
export function Empty({ icon = 'info', title, order = 2, children, action }: { icon?: IconName; title: string; order?: 1 | 2; children?: ReactNode; action?: ReactNode }) {
  return (
    <Center py={48} px="md">
      <Stack align="center" gap="xs" maw={460}>
        <Text c="dimmed" component="span" lh={1}>
          <Icon name={icon} size={36} />
        </Text>
        <Title order={order} size="h4" ta="center">
          {title}
        </Title>
        {children && (
          <Text c="dimmed" ta="center" component="div">
            {children}
          </Text>
        )}
        {action && <Group mt="sm">{action}</Group>}
      </Stack>
    </Center>
  )
}

// MicrosoftNumber is the number under which Microsoft describes an error, for whoever looks it up there.
export function MicrosoftNumber({ of }: { of: string | undefined }) {
  return of === undefined ? null : (
    <Text size="xs" c="dimmed">
      Microsoft’s number: {of}
    </Text>
  )
}

// headline is a sentence as titles are written: one has no full stop, several keep theirs.
function headline(text: string): string {
  return /^[^.]*\.$/.test(text) ? text.slice(0, -1) : text
}

// Problem shows an error in words, with what to do. What is not there is not asked for again where list
// leads to what is.
export function Problem({ error, again, title, list }: { error: unknown; again?: () => void; title?: string; list?: ReactNode }) {
  const failure = describe(error)
  const { sentence, number } = parted(failure.message)
  if (failure.kind === 'forbidden') {
    const text = `${sentence} ${failure.remedy}`
    return title ? (
      <Empty icon="lock" title="You may not do this">
        {text}
      </Empty>
    ) : (
      <div className="card">
        <Empty icon="lock" title="You may not see this">
          {text}
        </Empty>
      </div>
    )
  }
  if (failure.kind === 'feature-off') return <FeatureOff order={2} />
  return (
    <Alert role="alert" color="red" variant="light" icon={<Icon name="error" />} title={title ?? headline(sentence)}>
      <Stack gap="xs" align="flex-start">
        {title && <Text size="sm">{sentence}</Text>}
        {failure.violations.length > 0 && (
          <ul style={{ margin: 0, paddingInlineStart: 18 }}>
            {failure.violations.slice(0, 10).map((violation, i) => (
              <li key={i}>
                <Text size="sm">
                  {violation.field !== '' && <b>{violated(violation.field)}: </b>}
                  {violation.message}
                </Text>
              </li>
            ))}
          </ul>
        )}
        <Text size="sm">{failure.remedy}</Text>
        <MicrosoftNumber of={number} />
        {failure.kind === 'signed-out' ? (
          <Button size="xs" color="red" variant="outline" component="a" href={signInAddress()}>
            Sign in
          </Button>
        ) : failure.kind === 'not-found' && list ? (
          list
        ) : (
          again && (
            <Button size="xs" color="red" variant="outline" onClick={again}>
              Try again
            </Button>
          )
        )}
      </Stack>
    </Alert>
  )
}

// FeatureOff stands where a feature is switched off, also when that happens while it is open.
export function FeatureOff({ order = 1 }: { order?: 1 | 2 }) {
  return (
    <Empty order={order} icon="pause" title="This is switched off for your organisation">
      Nothing was lost. Whoever runs this installation can switch it on again.
    </Empty>
  )
}

// Page is the frame of every screen: its name, one line about it, and its actions. The browser's tab
// says name where the title is more than a text.
export function Page({ title, name, about, actions, children }: { title: ReactNode; name?: string; about?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const tab = name ?? (typeof title === 'string' ? title : '')
  useDocumentTitle(tab === '' ? 'entrasync' : `${tab} · entrasync`)
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start" gap="md">
        <Stack gap={2} style={{ flex: '1 1 320px', minWidth: 0 }}>
          <Title order={1} size="h2" style={{ overflowWrap: 'anywhere' }}>
            {title}
          </Title>
          {about && (
            <Text c="dimmed" component="div" style={{ overflowWrap: 'anywhere' }}>
              {about}
            </Text>
          )}
        </Stack>
        {actions && <Group gap="sm">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  )
}
