// Words for the contract's closed vocabularies. What is not listed is shown as words all the same.

const numbers = new Intl.NumberFormat('en')

export function count(n: number | bigint): string {
  return numbers.format(n)
}

// counted is "1 client", "12 clients".
export function counted(n: number, one: string, many = one + 's'): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

// isolated is a name within a sentence: one that is written from right to left does not turn the sentence.
export function isolated(name: string): string {
  return `\u2068${name}\u2069`
}

// parted is a message with Microsoft's number, AADSTS and digits, apart: nobody has to read that to understand what happened.
export function parted(message: string): { sentence: string; number?: string } {
  const [, sentence = message, number] = /^(.*) \((AADSTS\d+)\)$/s.exec(message) ?? []
  return { sentence, number }
}

function plain(code: string): string {
  const text = code.replaceAll(/[_-]/g, ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function say(words: Record<string, string>, code: string): string {
  return words[code] ?? plain(code)
}

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'quiet'

const runStates: Record<string, [string, Tone]> = {
  queued: ['Waiting to start', 'busy'],
  running: ['Running', 'busy'],
  completed: ['Completed', 'good'],
  partial: ['Partly done', 'warn'],
  failed: ['Failed', 'bad'],
  cancelled: ['Cancelled', 'quiet'],
  held: ['Held', 'warn'],
  skipped: ['Left out', 'quiet'],
}

export function runState(code: string): { text: string; tone: Tone } {
  const [text, tone] = runStates[code] ?? [plain(code), 'quiet' as Tone]
  return { text, tone }
}

export function underWay(state: string): boolean {
  return state === 'queued' || state === 'running'
}

export function runType(code: string, dryRun = false): string {
  const text = say(
    { initial: 'First sync', 'all-tenants': 'All clients', 'single-client': 'One client', discovery: 'Discovery' },
    code,
  )
  return dryRun ? `${text} (preview)` : text
}

const connectionStates: Record<string, [string, Tone]> = {
  not_connected: ['Not connected', 'quiet'],
  connected: ['Connected', 'good'],
  validation_failed: ['Needs attention', 'bad'],
  disconnected: ['Disconnected', 'quiet'],
}

export function connectionState(code: string): { text: string; tone: Tone } {
  const [text, tone] = connectionStates[code] ?? [plain(code), 'quiet' as Tone]
  return { text, tone }
}

export function credentialSource(code: string): string {
  return say(
    {
      'tenant-secret': 'your own app registration',
      env: 'the app registration of this installation',
      'app-secret': 'the app registration of this installation',
      '': 'none',
    },
    code,
  )
}

const mappingStates: Record<string, [string, Tone]> = {
  mapped: ['Mapped', 'good'],
  skip_for_now: ['Skipped', 'quiet'],
  needs_review: ['To review', 'warn'],
  create_new: ['New client', 'busy'],
  undecided: ['Undecided', 'warn'],
}

export function mappingState(code: string): { text: string; tone: Tone } {
  const [text, tone] = mappingStates[code] ?? [plain(code), 'quiet' as Tone]
  return { text, tone }
}

export function matchReason(code: string): string {
  return say(
    {
      exact_domain: 'Same domain',
      secondary_domain: 'Another domain of the client',
      fuzzy_name: 'Similar name',
    },
    code,
  )
}

export function tenantState(code: string): { text: string; tone: Tone } {
  const states: Record<string, [string, Tone]> = {
    active: ['Readable', 'good'],
    unreadable: ['Cannot be read', 'bad'],
    gone: ['No longer managed', 'quiet'],
  }
  const [text, tone] = states[code] ?? [plain(code), 'quiet' as Tone]
  return { text, tone }
}

// Why an identity was left out of a sync.
export function filterReason(code: string): string {
  return say(
    {
      account_disabled: 'Account is disabled',
      account_state_unknown: 'Microsoft does not say whether the account is enabled',
      missing_upn: 'No valid sign-in name',
      never_included: 'On your list of people never to take',
      service_account: 'Service account, by its name',
      tenant_custom_pattern: 'One of your patterns',
      guest: 'Guest',
      unlicensed: 'No licence',
      group_scope: 'In none of the chosen groups',
      no_address: 'No usable e-mail address',
      erased: 'Erased on request',
    },
    code,
  )
}

export function failureReason(code: string): string {
  return say(
    {
      missing_id: 'Microsoft sent the account without an id',
      invalid_utf8: 'The record holds characters that cannot be read',
      nul_character: 'The record holds a character that cannot be stored',
      name_too_long: 'The name is too long',
      conflicting_duplicate: 'Microsoft sent the account twice with different content',
      malformed: 'The record cannot be read',
    },
    code,
  )
}

// phase is what a directory's sync does at the moment.
export function phase(code: string): string {
  return say(
    {
      mapping: 'Looking up the client',
      staging: 'Reading from Microsoft',
      preparing: 'Putting in order',
      deciding: 'Comparing with your contacts',
      applying: 'Writing',
      closing: 'Finishing',
    },
    code,
  )
}

export function fieldWord(field: string): string {
  return say({ fullName: 'Name', email: 'E-mail', phone: 'Phone', role: 'Role', inactive: 'Inactive', entraUserPrincipalName: 'Sign-in name', signInName: 'Sign-in name' }, field)
}

// violated names the field of a request in which something is wrong, by its path in the contract.
export function violated(path: string): string {
  const [, name = path, index] = /([A-Za-z]+)(?:\[(\d+)\])?$/.exec(path) ?? []
  const known: Record<string, string> = { customPatterns: 'Patterns of your own', groups: 'Groups', alwaysInclude: 'Always take', neverInclude: 'Never take', url: 'Address', q: 'Find' }
  const word = known[name] ?? plain(name.replaceAll(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`))
  return index === undefined ? word : `${word}, entry ${count(Number(index) + 1)}`
}

export function heldReason(code: string): { title: string; text: string } {
  const known: Record<string, { title: string; text: string }> = {
    mass_inactivation: {
      title: 'Unusually many people would become inactive',
      text: 'Accounts vanished or were disabled in the directory. If that is so, approve; if not, find out why first.',
    },
    empty_directory: {
      title: 'The directory came back empty',
      text: 'Microsoft listed nobody. If the customer has really left, approve; else repair the access first.',
    },
    filter_drops_all: {
      title: 'The filters would leave out everybody',
      text: 'With the present filters nobody of this directory is left. Look at the filters before you approve.',
    },
  }
  return known[code] ?? { title: plain(code), text: 'A guard stopped this sync before it wrote anything.' }
}

export function queueReason(code: string): { title: string; text: string } {
  const known: Record<string, { title: string; text: string }> = {
    multiple_email_matches: {
      title: 'Several contacts have this address',
      text: 'More than one contact of the client has an address of this account. Which one is it?',
    },
    contact_already_linked: {
      title: 'The contact belongs to another account',
      text: 'The contact with this address is linked to another account already.',
    },
    duplicate_identity_email: {
      title: 'Several accounts share this address',
      text: 'Two or more accounts of the directory have the same address. Which one is the contact?',
    },
    email_in_use_elsewhere: {
      title: 'Another client has this address',
      text: 'A contact of another client has this address. Is it the same person?',
    },
    alias_match: {
      title: 'Only a second address fits',
      text: 'The contact fits by an additional address of the account, not by its main one.',
    },
    contact_deleted: {
      title: 'The contact was deleted here',
      text: 'The account was linked to a contact that somebody deleted.',
    },
  }
  return known[code] ?? { title: plain(code), text: 'A person has to decide.' }
}

// suggestionAction names what is suggested, of many people.
export function suggestionAction(code: string): string {
  return say({ resolve_existing: 'Link to a contact', resolve_new: 'Create a contact', dismiss: 'Dismiss', none: 'Nothing suggested' }, code)
}

// suggestionReason is what speaks for a suggestion, as a sentence.
export function suggestionReason(code: string): string {
  return say(
    {
      same_name: 'The name is the same.',
      others_differ: 'No other candidate has a name like it.',
      only_active: 'Of the candidates with this name it is the only active one.',
      other_name: 'The contact’s name has nothing in common with it.',
      own_address: 'The account has an address that the contact has not.',
      linked_identity_gone: 'The account that has the contact is disabled or deleted.',
      second_account: 'It is an account beside another one: for administration, a guest’s, or without a licence.',
      main_account: 'It has a licence; the others with its address are accounts beside it.',
      no_candidate: 'No contact of the client has its address.',
    },
    code,
  )
}

export function queueStatus(code: string): { text: string; tone: Tone } {
  const states: Record<string, [string, Tone]> = {
    open: ['Open', 'warn'],
    resolved: ['Resolved', 'good'],
    dismissed: ['Dismissed', 'quiet'],
    superseded: ['No longer needed', 'quiet'],
    deciding: ['Being applied', 'busy'],
  }
  const [text, tone] = states[code] ?? [plain(code), 'quiet' as Tone]
  return { text, tone }
}

export function inactiveReason(code: string): string {
  return say(
    {
      disabled_upstream: 'The account was disabled in Microsoft Entra',
      deleted_upstream: 'The account was deleted in Microsoft Entra',
      host: 'Your application made it inactive',
    },
    code,
  )
}

export const counters = [
  ['created', 'Created'],
  ['linked', 'Linked'],
  ['updated', 'Updated'],
  ['unchanged', 'Unchanged'],
  ['inactivated', 'Inactivated'],
  ['reactivated', 'Reactivated'],
  ['ambiguous', 'For review'],
  ['filtered', 'Left out'],
  ['failed', 'Failed'],
] as const

// explainedOutcome is what the next sync does with a person, and why where that is short.
export function explainedOutcome(outcome: string, reason: string | undefined): string {
  const because = reason ? `: ${(outcome === 'filtered' ? filterReason(reason) : outcome === 'ambiguous' ? queueReason(reason).title : outcome === 'failed' ? failureReason(reason) : inactiveReason(reason)).replace(/^./, (first) => first.toLowerCase())}` : ''
  return (
    say(
      {
        created: 'Gets a new contact',
        linked: 'Is linked to a contact',
        updated: 'The contact changes',
        unchanged: 'Nothing changes',
        ambiguous: 'Waits for a person',
        inactivated: 'The contact becomes inactive',
        reactivated: 'The contact becomes active again',
        filtered: 'Is left out',
        failed: 'Cannot be taken',
        not_synced: 'The directory is not synced',
        unknown: 'It cannot be said',
      },
      outcome,
    ) + because
  )
}

// stepWord names a step of an explanation.
export function stepWord(name: string): string {
  const words: Record<string, string> = {
    person: 'The person',
    mapping: 'The mapping',
    groups: 'The groups',
    record: 'The record',
    address: 'An address',
    link: 'The link',
    duplicate: 'Other accounts',
    match: 'Contacts',
    takeover: 'Taking over',
    decision: 'The decision',
    field: 'A field',
    guard: 'The guard',
    candidate: 'A contact',
    queue: 'The review queue',
  }
  return words[name] ?? filterReason(name)
}
