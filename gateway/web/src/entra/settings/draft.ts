import type { MessageInitShape } from '@bufbuild/protobuf'

import type { FiltersSchema, Settings } from '../../gen/entrasync/syncengine/v1/settings_pb'

// Draft is the settings as a form holds them.
export interface Draft {
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

export function draftOf(s: Settings): Draft {
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

// lines are the texts of a field that takes one a line.
const lines = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean)

// Lists that were emptied look like absent ones in a message: these are named as given.
export const filterLists = ['filters.customPatterns', 'filters.groups', 'filters.alwaysInclude', 'filters.neverInclude']

export function filtersOf(draft: Draft): MessageInitShape<typeof FiltersSchema> {
  return {
    guests: draft.guests,
    unlicensed: draft.unlicensed,
    serviceAccounts: draft.serviceAccounts,
    customPatterns: lines(draft.customPatterns),
    groups: draft.groups,
    alwaysInclude: draft.alwaysInclude,
    neverInclude: draft.neverInclude,
  }
}
