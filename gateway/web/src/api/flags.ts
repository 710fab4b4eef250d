import { useSession } from './session'

// The flags that the console asks for. The server asks for them too; here they hide what it would refuse.
export const flags = {
  ui: 'entra-integration-ui',
  clientSync: 'entra-integration-client-sync-action',
  fieldSync: 'entra-integration-field-sync',
  queue: 'entra-integration-ambiguous-queue',
} as const

// useFlag says whether a flag is on; false until it is known.
export function useFlag(key: (typeof flags)[keyof typeof flags]): boolean {
  return useSession().data?.flags[key] ?? false
}

// useMayChange says whether the person may change anything or start a sync.
export function useMayChange(): boolean {
  return useSession().data?.permissions.includes('system_settings.update') ?? false
}
