import { useQuery } from '@connectrpc/connect-query'
import { Alert, NumberInput, Select, SimpleGrid, Switch, TagsInput, Textarea } from '@mantine/core'
import { useState } from 'react'

import { describe, type Failure } from '../../api/failure'
import { flags, useFlag, useMayChange } from '../../api/flags'
import { StatusService } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { SettingsService, type Settings } from '../../gen/entrasync/syncengine/v1/settings_pb'
import { Icon } from '../../ui/icon'
import { Page, Problem, Unready, ready } from '../../ui/states'
import { Time } from '../../ui/time'
import { SyncAll } from '../runs/syncall'
import { Changes } from './changes'
import { draftOf, filterLists, filtersOf, type Draft } from './draft'
import { same, useKeptDraft, useSave } from './kept'
import { OwnSettings } from './picker'
import { Section } from './section'
import { TryFilters } from './try'
import { Unsaved } from './unsaved'

// SettingsPage says when and whom a sync takes, and what it may change.
export function SettingsPage() {
  const settings = useQuery(SettingsService.method.getSettings, {}, { refetchOnWindowFocus: false })
  if (!ready(settings)) return <Unready title="Sync settings" of={[settings]} />
  const present = settings.data.settings
  if (!present) return null
  return <Form present={present} />
}

const intervals = [
  { value: '60', label: 'Every hour' },
  { value: '240', label: 'Every 4 hours' },
  { value: '720', label: 'Every 12 hours' },
  { value: '1440', label: 'Every day' },
  { value: '10080', label: 'Every week' },
]

function Form({ present }: { present: Settings }) {
  const kept = useKeptDraft(present, draftOf)
  const { draft, set } = kept
  const mayChange = useMayChange()
  const fieldRules = useFlag(flags.fieldSync)
  const status = useQuery(StatusService.method.getStatus, {}, { refetchInterval: 15_000 })
  const { save, write } = useSave(kept)
  // What the filters that were tried are refused for is marked as what cannot be saved is.
  const [refused, setRefused] = useState<Failure>()
  const failure = save.isError ? describe(save.error) : refused
  const discard = () => {
    kept.discard()
    setRefused(undefined)
    save.reset()
  }
  const load = () => {
    kept.load()
    setRefused(undefined)
    save.reset()
  }
  const changed = !same(draft, kept.was)
  const toggle = (key: { [K in keyof Draft]: Draft[K] extends boolean ? K : never }[keyof Draft], label: string, description?: string) => (
    <Switch label={label} description={description} checked={draft[key]} disabled={!mayChange} onChange={(event) => set(key, event.currentTarget.checked)} />
  )
  // Who may not change a text may still select it.
  const locked = mayChange ? {} : { readOnly: true, variant: 'filled' }
  const saveAll = () => {
    setRefused(undefined)
    write({
      settings: {
        version: kept.version,
        automaticSync: draft.automaticSync,
        intervalMinutes: draft.intervalMinutes,
        filters: filtersOf(draft),
        fieldRules: fieldRules ? { displayName: draft.displayName, email: draft.email, phone: draft.phone, role: draft.role, upn: draft.upn } : undefined,
        markInactiveWhenDisabled: draft.markInactiveWhenDisabled,
        allowSameEmailAcrossClients: draft.allowSameEmailAcrossClients,
        guard: { minCount: draft.minCount, percent: draft.percent },
      },
      fields: { given: filterLists, null: [] },
    })
  }
  return (
    <Page
      title="Sync settings"
      actions={mayChange && status.data && <SyncAll status={status.data} />}
      about={
        present.updatedAt && (present.updatedBy || present.automaticSync) ? (
          <>
            Last changed <Time at={present.updatedAt} /> by {present.updatedBy || 'the first sync, which switched automatic sync on'}
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
      <Section title="Who is left out" about="People who are linked already stay linked, whatever you choose here.">
        {toggle('guests', 'Leave guests out')}
        {toggle('unlicensed', 'Leave out accounts without a licence')}
        {toggle('serviceAccounts', 'Leave out service accounts', 'Accounts whose names look like those of programs and devices.')}
        <Textarea label="Patterns of your own" description="One regular expression (RE2) a line, such as ^scanner. Whose name, sign-in name or address matches one is left out." autosize minRows={2} value={draft.customPatterns} {...locked} error={violation(failure, 'customPatterns')} onChange={(event) => set('customPatterns', event.currentTarget.value)} />
        <TagsInput label="Only members of these groups" description="Their object ids in Microsoft Entra; empty takes everybody." value={draft.groups} {...locked} error={violation(failure, 'groups')} onChange={(value) => set('groups', value)} />
        <TagsInput label="Always take" description="Addresses or object ids that no filter leaves out." value={draft.alwaysInclude} {...locked} error={violation(failure, 'alwaysInclude')} onChange={(value) => set('alwaysInclude', value)} />
        <TagsInput label="Never take" description="Addresses or object ids that are left out." value={draft.neverInclude} {...locked} error={violation(failure, 'neverInclude')} onChange={(value) => set('neverInclude', value)} />
        <TryFilters key={String(kept.version)} filters={filtersOf(draft)} refuse={setRefused} />
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
      <Section title="Leavers and duplicates">
        {toggle('markInactiveWhenDisabled', 'Make contacts inactive when their account is disabled or deleted', 'Contacts are never deleted.')}
        {toggle('allowSameEmailAcrossClients', 'An address may belong to contacts of several clients')}
      </Section>
      <Section title="When to stop and ask you" about="A sync that would make unusually many contacts inactive waits for your approval.">
        <SimpleGrid cols={{ base: 1, sm: 2 }} maw={680}>
          <NumberInput label="Stop from this many people" min={1} max={1_000_000} value={draft.minCount} disabled={!mayChange} error={violation(failure, 'minCount')} onChange={(value) => set('minCount', Number(value) || 1)} />
          <NumberInput label="And more than this share of a directory" suffix=" %" min={0} max={100} value={draft.percent} disabled={!mayChange} error={violation(failure, 'percent')} onChange={(value) => set('percent', Number(value) || 0)} />
        </SimpleGrid>
      </Section>
      {save.isError && <Problem error={save.error} title="Nothing was saved" />}
      {mayChange && changed && (
        <Unsaved discard={discard} save={saveAll} saving={save.isPending} load={kept.outdated ? load : undefined} />
      )}
      <OwnSettings />
      <Changes />
    </Page>
  )
}

function known(minutes: number) {
  const value = String(minutes)
  return intervals.some((interval) => interval.value === value) ? intervals : [...intervals, { value, label: `Every ${minutes} minutes` }]
}

function violation(failure: Failure | undefined, field: string): string | undefined {
  return failure?.violations.find((each) => each.field.includes(field))?.message
}
