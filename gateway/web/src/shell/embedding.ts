import { queryClient } from '../api/client'
import { fetchConfig } from '../api/config'
import { sessionKey, setBearer } from '../api/session'

// acceptHostToken lets a host application that shows the console in a frame sign its person in: it
// posts {type: "entrasync:token", token} to the frame, again before the token expires. Only pages
// of the origins that this installation names are listened to.
export function acceptHostToken() {
  if (window.parent === window) return
  void fetchConfig().then(({ embedOrigins: origins = [] }) => {
    window.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (!origins.includes(event.origin) || event.source !== window.parent) return
      const said = event.data as { type?: unknown; token?: unknown } | null
      if (said?.type !== 'entrasync:token' || typeof said.token !== 'string') return
      setBearer(said.token)
      void queryClient.invalidateQueries({ queryKey: sessionKey })
    })
    for (const origin of origins) window.parent.postMessage({ type: 'entrasync:ready' }, origin)
  })
}

export function embedded(): boolean {
  return window.parent !== window
}
