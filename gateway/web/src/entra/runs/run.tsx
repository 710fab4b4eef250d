import { Text } from '@mantine/core'
export function RunPage() {
  return <Text>Run</Text>
}
