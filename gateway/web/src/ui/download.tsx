import { Alert, Button, Stack, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'

import type { SheetText } from '../api/sheet'
import { Icon } from './icon'
import { Problem } from './states'

// download saves a text as a file, as spreadsheets read it: a byte order mark says that it is UTF-8.
export function download(name: string, text: string) {
  const address = URL.createObjectURL(new Blob(['\ufeff', text.replace(/^\ufeff/, '')], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

// DownloadButton fetches CSV and saves it, and says where lines are left out of the file.
export function DownloadButton({ name, fetch, label = 'CSV', of }: { name: string; fetch: () => Promise<SheetText>; label?: string; of: string }) {
  const csv = useMutation({ mutationFn: fetch, onSuccess: (sheet) => download(name, sheet.csv) })
  return (
    <Stack gap="xs" align="flex-end">
      <Button variant="default" leftSection={<Icon name="download" size={16} />} loading={csv.isPending} onClick={() => csv.mutate()} aria-label={`${label} of ${of}`}>
        {label}
      </Button>
      {csv.isError && <Problem error={csv.error} title="The CSV could not be fetched" />}
      {csv.data?.cutOff && (
        <Alert role="alert" color="orange" icon={<Icon name="warning" />} title="The CSV is cut off" maw={420}>
          <Text size="sm">There is more than one file takes; it has only the first part.</Text>
        </Alert>
      )}
    </Stack>
  )
}
