import { Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

// Section is a group of settings under one title.
export function Section({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  return (
    <Stack className="card" p="lg" gap="md" component="section" aria-label={title}>
      <div>
        <Title order={2} size="h4">
          {title}
        </Title>
        {about && (
          <Text size="sm" c="dimmed">
            {about}
          </Text>
        )}
      </div>
      {children}
    </Stack>
  )
}
