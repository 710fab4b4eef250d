import { useInfiniteQuery, useMutation, useQuery } from '@connectrpc/connect-query'
import { Alert, Button, Divider, Group, NumberInput, Select, Stack, Switch, TagsInput, Text, Textarea, Title } from '@mantine/core'
import { useState, type ReactNode } from 'react'

import { describe, type Failure } from '../../api/failure'
import { flags, useFlag, useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { SettingsService, type Settings } from '../../gen/entrasync/syncengine/v1/settings_pb'
import { Icon } from '../../ui/icon'
import { Loading, Page, Problem } from '../../ui/states'
import { Time } from '../../ui/time'

// SettingsPage says when and whom a sync takes, and what it may change.
export function SettingsPage() {
  const settings = useQuery(SettingsService.method.getSettings, {}, { refetchOnWindowFocus: false })
  if (settings.isPending) return <Loading lines={8} />
  if (settings.isError) return <Problem error={settings.error} again={() => void settings.refetch()} />
  const present = settings.data.settings
  if (!present) return null
  return <Form key={String(present.version)} present={present} />
}

interface Draft {
  automaticSync: boolean
  intervalMinutes: number
  guests: boolean
  unlicensed: boolean
  serviceAccounts: boolean
  customPatterns: string
  groups: string[]
  alwaysInclude: string[]
  neverInclude: string[]
  displayName: boolean
  email: boolean
  phone: boolean
  role: boolean
  upn: boolean
  markInactiveWhenDisabled: boolean
  allowSameEmailAcrossClients: boolean
  minCount: number
  percent: number
}

function draftOf(s: Settings): Draft {
  return {
    automaticSync: s.automaticSync ?? false,
    intervalMinutes: s.intervalMinutes ?? 1440,
    guests: s.filters?.guests ?? false,
    unlicensed: s.filters?.unlicensed ?? false,
    serviceAccounts: s.filters?.serviceAccounts ?? false,
    customPatterns: (s.filters?.customPatterns ?? []).join('\n'),
    groups: s.filters?.groups ?? [],
    alwaysInclude: s.filters?.alwaysInclude ?? [],
    neverInclude: s.filters?.neverInclude ?? [],
    displayName: s.fieldRules?.displayName ?? false,
    email: s.fieldRules?.email ?? false,
    phone: s.fieldRules?.phone ?? false,
    role: s.fieldRules?.role ?? false,
    upn: s.fieldRules?.upn ?? false,
    markInactiveWhenDisabled: s.markInactiveWhenDisabled ?? false,
    allowSameEmailAcrossClients: s.allowSameEmailAcrossClients ?? false,
    minCount: s.guard?.minCount ?? 1,
    percent: s.guard?.percent ?? 0,
  }
}

const intervals = [
  { value: '60', label: 'every hour' },
  { value: '240', label: 'every 4 hours' },
  { value: '720', label: 'every 12 hours' },
  { value: '1440', label: 'every day' },
  { value: '10080', label: 'every week' },
]

const lines = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean)

function Form({ present }: { present: Settings }) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(present))
  const mayChange = useMayChange()
  const fieldRules = useFlag(flags.fieldSync)
  const askAgain = useAskAgain()
  const save = useMutation(SettingsService.method.updateSettings, { onSuccess: () => askAgain() })
  const failure = save.isError ? describe(save.error) : undefined
  const changed = JSON.stringify(draft) !== JSON.stringify(draftOf(present))
  const set = <K extends keyof Draft>(key: K, value: Draft[K]) => setDraft((before) => ({ ...before, [key]: value }))
  const toggle = (key: { [K in keyof Draft]: Draft[K] extends boolean ? K : never }[keyof Draft], label: string, description?: string) => (
    <Switch label={label} description={description} checked={draft[key]} disabled={!mayChange} onChange={(event) => set(key, event.currentTarget.checked)} />
  )
  const write = () =>
    save.mutate({
      settings: {
        version: present.version,
        automaticSync: draft.automaticSync,
        intervalMinutes: draft.intervalMinutes,
        filters: {
          guests: draft.guests,
          unlicensed: draft.unlicensed,
          serviceAccounts: draft.serviceAccounts,
          customPatterns: lines(draft.customPatterns),
          groups: draft.groups,
          alwaysInclude: draft.alwaysInclude,
          neverInclude: draft.neverInclude,
        },
        fieldRules: fieldRules ? { displayName: draft.displayName, email: draft.email, phone: draft.phone, role: draft.role, upn: draft.upn } : undefined,
        markInactiveWhenDisabled: draft.markInactiveWhenDisabled,
        allowSameEmailAcrossClients: draft.allowSameEmailAcrossClients,
        guard: { minCount: draft.minCount, percent: draft.percent },
      },
      // Lists that were emptied look like absent ones in a message.
      fields: { given: ['filters.customPatterns', 'filters.groups', 'filters.alwaysInclude', 'filters.neverInclude'], null: [] },
    })
  return (
    <Page
      title="Sync settings"
      about={
        present.updatedAt && present.updatedBy ? (
          <>
            Last changed <Time at={present.updatedAt} /> by {present.updatedBy}
          </>
        ) : (
          'These are the defaults; nobody has changed them.'
        )
      }
    >
      {!mayChange && <Alert icon={<Icon name="lock" />}>You may look, not change.</Alert>}
      {save.isSuccess && !changed && (
        <Alert role="status" color="teal" icon={<Icon name="check" />}>
          Saved. The next sync uses it.
        </Alert>
      )}
      <Section title="When" about="A sync starts by itself once the first one has ended well.">
        {toggle('automaticSync', 'Sync automatically')}
        <Select label="How often" data={known(draft.intervalMinutes)} value={String(draft.intervalMinutes)} disabled={!mayChange || !draft.automaticSync} allowDeselect={false} maw={260} onChange={(value) => set('intervalMinutes', Number(value ?? 1440))} />
      </Section>
      <Section title="Whom" about="Who is left out. People who are linked already stay linked, whatever you choose here.">
        {toggle('guests', 'Leave guests out')}
        {toggle('unlicensed', 'Leave out accounts without a licence')}
        {toggle('serviceAccounts', 'Leave out service accounts', 'Accounts whose names look like those of programs and devices.')}
        <Textarea label="Patterns of your own" description="One a line. Whose name, sign-in name or address matches one is left out." autosize minRows={2} value={draft.customPatterns} readOnly={!mayChange} error={violation(failure, 'customPatterns')} onChange={(event) => set('customPatterns', event.currentTarget.value)} />
        <TagsInput label="Only members of these groups" description="Object ids; empty takes everybody." value={draft.groups} readOnly={!mayChange} error={violation(failure, 'groups')} onChange={(value) => set('groups', value)} />
        <TagsInput label="Always take" description="Addresses or object ids that no filter leaves out." value={draft.alwaysInclude} readOnly={!mayChange} error={violation(failure, 'alwaysInclude')} onChange={(value) => set('alwaysInclude', value)} />
        <TagsInput label="Never take" description="Addresses or object ids that are left out." value={draft.neverInclude} readOnly={!mayChange} error={violation(failure, 'neverInclude')} onChange={(value) => set('neverInclude', value)} />
      </Section>
      {fieldRules && (
        <Section title="What it may overwrite" about="New contacts get every field. On contacts that exist, a sync changes only these.">
          {toggle('displayName', 'Name')}
          {toggle('email', 'E-mail')}
          {toggle('phone', 'Phone')}
          {toggle('role', 'Role')}
          {toggle('upn', 'Show the sign-in name at the contact')}
        </Section>
      )}
      <Section title="Leavers and doubles">
        {toggle('markInactiveWhenDisabled', 'Make contacts inactive when their account is disabled or deleted', 'Contacts are never deleted.')}
        {toggle('allowSameEmailAcrossClients', 'An address may belong to contacts of several clients')}
      </Section>
      <Section title="When to stop and ask you" about="A sync that would make unusually many contacts inactive waits for your approval.">
        <Group align="flex-start">
          <NumberInput label="Stop from this many people" min={1} max={1_000_000} value={draft.minCount} disabled={!mayChange} error={violation(failure, 'minCount')} onChange={(value) => set('minCount', Number(value) || 1)} />
          <NumberInput label="and more than this share of a directory" suffix=" %" min={0} max={100} value={draft.percent} disabled={!mayChange} error={violation(failure, 'percent')} onChange={(value) => set('percent', Number(value) || 0)} />
        </Group>
      </Section>
      {save.isError && <Problem error={save.error} title="Nothing was saved" />}
      {mayChange && changed && (
        <Group className="card" p="md" justify="space-between" style={{ position: 'sticky', bottom: 12, zIndex: 5, boxShadow: 'var(--mantine-shadow-md)' }} role="region" aria-label="Changes that are not saved yet">
          <Text fw={600}>Not saved yet</Text>
          <Group gap="sm">
            <Button variant="default" onClick={() => setDraft(draftOf(present))}>
              Discard
            </Button>
            <Button onClick={write} loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Group>
      )}
      <History />
    </Page>
  )
}

function known(minutes: number) {
  const value = String(minutes)
  return intervals.some((interval) => interval.value === value) ? intervals : [...intervals, { value, label: `every ${minutes} minutes` }]
}

function violation(failure: Failure | undefined, field: string): string | undefined {
  return failure?.violations.find((each) => each.field.includes(field))?.message
}

function Section({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  return (
    <Stack className="card" p="lg" gap="md" component="section" aria-label={title}>
      <div>
        <Title order={2} size="h4">
          {title}
        </Title>
        {about && (
          <Text size="sm" c="dimmed">
            {about}
          </Text>
        )}
      </div>
      {children}
    </Stack>
  )
}

const fieldWords: Record<string, string> = {
  automaticSync: 'automatic sync',
  intervalMinutes: 'how often',
  'filters.guests': 'guests',
  'filters.unlicensed': 'accounts without a licence',
  'filters.serviceAccounts': 'service accounts',
  'filters.customPatterns': 'patterns',
  'filters.groups': 'groups',
  'filters.alwaysInclude': 'who is always taken',
  'filters.neverInclude': 'who is never taken',
  markInactiveWhenDisabled: 'leavers',
  allowSameEmailAcrossClients: 'addresses of several clients',
  'guard.minCount': 'when to stop and ask',
  'guard.percent': 'when to stop and ask',
}

function History() {
  const changes = useInfiniteQuery(SettingsService.method.listSettingsChanges, { pageSize: 20, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const list = changes.data?.pages.flatMap((page) => page.changes) ?? []
  if (list.length === 0) return null
  return (
    <Stack className="card" p="lg" gap="xs" component="section" aria-labelledby="changes">
      <Title order={2} size="h4" id="changes">
        Who changed what
      </Title>
      {list.map((change, i) => (
        <div key={change.changeId}>
          {i > 0 && <Divider mb="xs" />}
          <Group justify="space-between">
            <Text>
              {change.changedBy || 'The first sync'} changed {[...new Set(change.fields.map((field) => fieldWords[field] ?? (field.startsWith('fieldRules') ? 'what is overwritten' : field)))].join(', ')}
              {change.managedTenantId && ' of one directory'}
            </Text>
            <Text size="sm" c="dimmed">
              <Time at={change.changedAt} />
            </Text>
          </Group>
        </div>
      ))}
      {changes.hasNextPage && (
        <Button variant="subtle" onClick={() => void changes.fetchNextPage()} loading={changes.isFetchingNextPage}>
          Show more
        </Button>
      )}
    </Stack>
  )
}
