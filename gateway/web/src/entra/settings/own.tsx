import { fromJson } from '@bufbuild/protobuf'
import { useQuery } from '@connectrpc/connect-query'
import { Alert, Checkbox, Group, SegmentedControl, Stack, TagsInput, Text } from '@mantine/core'
import { useParams } from '@tanstack/react-router'

import { describe } from '../../api/failure'
import { flags, useFlag, useMayChange } from '../../api/flags'
import { useTenants } from '../../api/names'
import { FieldRulesSchema, FiltersSchema, SettingsService, type Settings } from '../../gen/entrasync/syncengine/v1/settings_pb'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Page, Problem, Unready, ready } from '../../ui/states'
import { Time } from '../../ui/time'
import { Changes } from './changes'
import { same, useKeptDraft, useSave } from './kept'
import { Section } from './section'
import { Unsaved } from './unsaved'

// OwnSettingsPage is what one directory has of its own; all else it takes from the settings of all.
export function OwnSettingsPage() {
  const { managedTenantId } = useParams({ from: '/integrations/entra/settings/$managedTenantId' })
  const own = useQuery(SettingsService.method.getSettings, { managedTenantId }, { refetchOnWindowFocus: false })
  const all = useQuery(SettingsService.method.getSettings, {}, { refetchOnWindowFocus: false })
  if (!ready(own) || !ready(all)) return <Unready title="Settings of one directory" of={[own, all]} list={<TextLink to="/integrations/entra/settings">To the settings</TextLink>} />
  if (!own.data.settings || !all.data.settings) return null
  return <Form key={managedTenantId} managedTenantId={managedTenantId} own={own.data.settings} all={all.data.settings} />
}

const toggles = [
  ['filters', 'guests', 'Leave guests out'],
  ['filters', 'unlicensed', 'Leave out accounts without a licence'],
  ['filters', 'serviceAccounts', 'Leave out service accounts'],
  ['fieldRules', 'displayName', 'Name'],
  ['fieldRules', 'email', 'E-mail'],
  ['fieldRules', 'phone', 'Phone'],
  ['fieldRules', 'role', 'Role'],
  ['fieldRules', 'upn', 'Show the sign-in name at the contact'],
] as const

const lists = [
  ['customPatterns', 'Patterns', 'Regular expressions (RE2), such as ^scanner. Whose name, sign-in name or address matches one is left out.'],
  ['groups', 'Only members of these groups', 'Their object ids in Microsoft Entra; empty takes everybody.'],
  ['alwaysInclude', 'Always take', 'Addresses or object ids that no filter leaves out.'],
  ['neverInclude', 'Never take', 'Addresses or object ids that are left out.'],
] as const

type Value = boolean | string[] | undefined
type Draft = Record<string, Value>

// draftOf has only what the directory has of its own, by the names of the contract.
function draftOf(settings: Settings): Draft {
  const draft: Draft = {}
  for (const [group, key] of toggles) draft[`${group}.${key}`] = valueOf(settings, group, key)
  for (const [key] of lists) draft[`filters.${key}`] = settings.ownFields.includes(`filters.${key}`) ? (settings.filters?.[key] ?? []) : undefined
  return draft
}

function valueOf(settings: Settings, group: 'filters' | 'fieldRules', key: string): boolean | undefined {
  return group === 'filters' ? settings.filters?.[key as 'guests'] : settings.fieldRules?.[key as 'email']
}

function Form({ managedTenantId, own, all }: { managedTenantId: string; own: Settings; all: Settings }) {
  const tenants = useTenants()
  const mayChange = useMayChange()
  const fieldRules = useFlag(flags.fieldSync)
  const kept = useKeptDraft(own, draftOf)
  const { draft, set } = kept
  const { save, write } = useSave(kept)
  const names = Object.keys(draft).filter((name) => (fieldRules || !name.startsWith('fieldRules')) && !same(draft[name], kept.was[name]))
  const violation = (name: string) => (save.isError ? describe(save.error).violations.find((each) => each.field.includes(name))?.message : undefined)
  const saveOwn = () => {
    const some = (group: string) => Object.fromEntries(names.filter((name) => name.startsWith(group + '.')).flatMap((name) => (draft[name] === undefined ? [] : [[name.slice(group.length + 1), draft[name]]])))
    const rules = names.some((name) => name.startsWith('fieldRules.'))
    write({
      managedTenantId,
      settings: { version: kept.version, filters: fromJson(FiltersSchema, some('filters')), fieldRules: rules ? fromJson(FieldRulesSchema, some('fieldRules')) : undefined },
      fields: { given: names.filter((name) => Array.isArray(draft[name])), null: names.filter((name) => draft[name] === undefined) },
    })
  }
  const discard = () => {
    kept.discard()
    save.reset()
  }
  const load = () => {
    kept.load()
    save.reset()
  }
  const toggle = (group: 'filters' | 'fieldRules', key: string, label: string) => {
    const name = `${group}.${key}`
    const chosen = String(draft[name] ?? 'all')
    const choices = [
      { value: 'all', label: `As for all (${valueOf(all, group, key) ? 'yes' : 'no'})` },
      { value: 'true', label: 'Yes' },
      { value: 'false', label: 'No' },
    ]
    return (
      <Group key={name} justify="space-between" gap="xs" role="group" aria-label={label}>
        <Text>{label}</Text>
        {mayChange ? (
          <SegmentedControl aria-label={label} size="xs" value={chosen} onChange={(value) => set(name, value === 'all' ? undefined : value === 'true')} data={choices} />
        ) : (
          <Text c="dimmed">{choices.find((choice) => choice.value === chosen)?.label}</Text>
        )}
      </Group>
    )
  }
  const directory = tenants.data?.get(managedTenantId)?.displayName ?? 'One directory'
  return (
    <Page
      title={<span dir="auto">{directory}</span>}
      about={
        <>
          What this directory has of its own; all else follows <TextLink to="/integrations/entra/settings">the settings of all</TextLink>.
          {own.updatedAt && own.updatedBy && (
            <>
              {' '}
              Last changed <Time at={own.updatedAt} /> by {own.updatedBy}.
            </>
          )}
        </>
      }
    >
      {!mayChange && <Alert icon={<Icon name="lock" />}>You may look, not change.</Alert>}
      {save.isSuccess && names.length === 0 && (
        <Alert role="status" color="teal" icon={<Icon name="check" />}>
          Saved. The next sync of this directory uses it.
        </Alert>
      )}
      <Section title="Who is left out">
        {toggles.filter(([group]) => group === 'filters').map(([group, key, label]) => toggle(group, key, label))}
        {lists.map(([key, label, about]) => {
          const name = `filters.${key}`
          const value = draft[name]
          const ofAll = all.filters?.[key] ?? []
          return (
            <Stack key={name} gap="xs">
              <Checkbox label={`${label}: its own list`} description={about} checked={value !== undefined} disabled={!mayChange} onChange={(event) => set(name, event.currentTarget.checked ? ofAll : undefined)} />
              {Array.isArray(value) ? (
                <TagsInput aria-label={label} ml={32} value={value} readOnly={!mayChange} variant={mayChange ? 'default' : 'filled'} error={violation(key)} onChange={(next) => set(name, next)} />
              ) : (
                <Text size="sm" c="dimmed" ml={32} style={{ overflowWrap: 'anywhere' }}>
                  As for all: {ofAll.length === 0 ? 'none' : ofAll.join(', ')}
                </Text>
              )}
            </Stack>
          )
        })}
      </Section>
      {fieldRules && <Section title="What it may overwrite">{toggles.filter(([group]) => group === 'fieldRules').map(([group, key, label]) => toggle(group, key, label))}</Section>}
      {save.isError && <Problem error={save.error} title="Nothing was saved" />}
      {mayChange && names.length > 0 && (
        <Unsaved discard={discard} save={saveOwn} saving={save.isPending} load={kept.outdated ? load : undefined} />
      )}
      <Changes managedTenantId={managedTenantId} />
    </Page>
  )
}
