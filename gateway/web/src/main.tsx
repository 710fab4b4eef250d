import '@mantine/core/styles.css'
import './ui/console.css'

import { TransportProvider } from '@connectrpc/connect-query'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { queryClient, transport } from './api/client'
import { router } from './router'
import { askEarly } from './shell/early'
import { acceptHostToken } from './shell/embedding'
import { theme } from './ui/theme'

acceptHostToken()
askEarly()

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <TransportProvider transport={transport}>
          <QueryClientProvider client={queryClient}>
            <RouterProvider router={router} />
          </QueryClientProvider>
        </TransportProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
