import type { MessageInitShape } from '@bufbuild/protobuf'
import { useMutation } from '@connectrpc/connect-query'
import { useState } from 'react'

import { describe } from '../../api/failure'
import { useAskAgain } from '../../api/invalidate'
import { SettingsService, type Settings, type UpdateSettingsRequestSchema } from '../../gen/entrasync/syncengine/v1/settings_pb'

// KeptDraft is a draft of settings that outlives what others save.
interface KeptDraft<D> {
  draft: D
  // The settings that the draft is of, as draftOf shows them, and their version: a save sends it.
  was: D
  version: bigint
  // Whether settings were saved since that the draft is not of.
  outdated: boolean
  set: <K extends keyof D>(key: K, value: D[K]) => void
  // Takes the settings as they are now; what was changed in the draft stays.
  load: () => void
  // Takes the settings as they are now, and nothing of the draft.
  discard: () => void
  // Takes the settings that a save of sent has made; what was changed after it was sent stays.
  saved: (settings: Settings, sent: D) => void
}

// useKeptDraft makes a draft of settings. Settings that arrive later take its place while nothing was
// changed in it; else it stays, and is outdated until the person loads them. draftOf gives the fields
// of settings, the same ones for all.
export function useKeptDraft<D extends object>(present: Settings, draftOf: (settings: Settings) => D): KeptDraft<D> {
  const [{ base, draft }, setKept] = useState(() => ({ base: present, draft: draftOf(present) }))
  const was = draftOf(base)
  const newer = present.version > base.version
  const outdated = newer && !same(draft, was)
  const discard = () => setKept({ base: newer ? present : base, draft: newer ? draftOf(present) : was })
  if (newer && !outdated) discard()
  return {
    draft,
    was,
    version: base.version,
    outdated,
    set: (key, value) => setKept((before) => ({ ...before, draft: { ...before.draft, [key]: value } })),
    load: () => setKept({ base: present, draft: rebased(draft, was, draftOf(present)) }),
    discard,
    saved: (settings, sent) => setKept((before) => ({ base: settings, draft: rebased(before.draft, sent, draftOf(settings)) })),
  }
}

// useSave saves a draft. A save that is refused since somebody else was faster asks for the settings
// again, which makes the draft outdated.
export function useSave<D>(kept: KeptDraft<D>) {
  const askAgain = useAskAgain()
  const save = useMutation(SettingsService.method.updateSettings, {
    onMutate: () => kept.draft,
    onSuccess: (answer, _, sent) => {
      if (answer.settings) kept.saved(answer.settings, sent)
      return askAgain()
    },
  })
  const write = (request: MessageInitShape<typeof UpdateSettingsRequestSchema>) =>
    save.mutate(request, {
      onError: (error) => {
        if (describe(error).kind === 'conflict') void askAgain()
      },
    })
  return { save, write }
}

// rebased is a draft with the fields of now where it has those of before.
function rebased<D extends object>(draft: D, before: D, now: D): D {
  const changed = (Object.keys(draft) as (keyof D)[]).filter((key) => !same(draft[key], before[key]))
  return { ...now, ...Object.fromEntries(changed.map((key) => [key, draft[key]])) }
}

// same compares what forms hold: texts, numbers, and lists of them.
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
