import { useQuery } from '@tanstack/react-query'

// Config is what this installation says of itself at /auth/config, to everybody.
interface Config {
  embedOrigins?: string[]
  workflowsUrl?: string
}

// fetchConfig returns nothing of what it cannot learn.
export async function fetchConfig(): Promise<Config> {
  try {
    const response = await fetch('/auth/config')
    return response.ok ? ((await response.json()) as Config) : {}
  } catch {
    return {}
  }
}

// useWorkflowsUrl is where operators look at workflows; undefined where that is not said.
export function useWorkflowsUrl(): string | undefined {
  return useQuery({ queryKey: ['config'], queryFn: fetchConfig, staleTime: Infinity }).data?.workflowsUrl || undefined
}
