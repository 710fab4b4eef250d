import { Code, ConnectError, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-web'
import { QueryClient } from '@tanstack/react-query'

import { describe } from './failure'
import { callHeaders, sessionKey } from './session'

// withSession says who calls.
const withSession: Interceptor = (next) => (request) => {
  for (const [name, value] of Object.entries(callHeaders())) request.header.set(name, value)
  return next(request)
}

// transport reaches the gateway that served this page. Every call goes through it, by the client
// that is generated from the contracts.
export const transport = createConnectTransport({
  baseUrl: location.origin,
  interceptors: [withSession],
  useBinaryFormat: false,
  defaultTimeoutMs: 60_000,
})

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => {
        const { kind } = describe(error)
        return kind === 'unavailable' && count < 2
      },
    },
    mutations: {
      onError: (error) => {
        // The session has ended, or a permission or a flag has changed: ask again what holds.
        if (error instanceof ConnectError && [Code.Unauthenticated, Code.PermissionDenied, Code.NotFound].includes(error.code)) {
          void queryClient.invalidateQueries({ queryKey: sessionKey })
        }
      },
    },
  },
})
