import {
  ActionIcon,
  Alert,
  AppShell,
  Box,
  Burger,
  Button,
  Center,
  Group,
  Menu,
  NavLink,
  ScrollArea,
  Stack,
  Text,
  Title,
  useMantineColorScheme,
  VisuallyHidden,
  type MantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'

import { signInAddress, SignedOut, signOut, useSession, type Session } from '../api/session'
import { Icon } from '../ui/icon'
import { Empty, Loading, Problem } from '../ui/states'
import { embedded } from './embedding'
import { groups } from './navigation'

// Shell is the frame around every screen: who is signed in, where to go, light or dark. A session
// that ends keeps the screen as it is, with what was entered, under a line that offers to sign in.
export function Shell() {
  const session = useSession()
  const last = useRef<Session | undefined>(undefined)
  useEffect(() => {
    if (session.data) last.current = session.data
  }, [session.data])
  if (session.error instanceof SignedOut && !session.data) return <SignIn />
  if (!session.data) {
    return (
      <Center mih="100vh" p="md" component="main">
        <Box w="100%" maw={520}>
          <VisuallyHidden component="h1">entrasync</VisuallyHidden>
          {session.error ? <Problem error={session.error} again={() => void session.refetch()} /> : <Loading label="Starting" />}
        </Box>
      </Center>
    )
  }
  return <Frame session={session.data} ended={session.error instanceof SignedOut} away={session.error !== null && !(session.error instanceof SignedOut)} />
}

function SignIn() {
  return (
    <Center mih="100vh" p="md" component="main">
      <Stack className="card" p={40} align="center" gap="md" maw={440}>
        <img src="/favicon.svg" alt="" width={48} height={48} />
        <Title order={1} size="h2" ta="center">
          entrasync
        </Title>
        <Text ta="center" c="dimmed">
          Keeps your contacts in step with your customers' Microsoft Entra directories.
        </Text>
        {embedded() ? (
          <Text ta="center">Waiting for the application around this page to sign you in…</Text>
        ) : (
          <Button component="a" href={signInAddress()} size="md" fullWidth>
            Sign in
          </Button>
        )}
      </Stack>
    </Center>
  )
}

function Frame({ session, ended, away }: { session: Session; ended: boolean; away: boolean }) {
  const [opened, { toggle, close }] = useDisclosure()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const client = session.userType === 'client'
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 240, breakpoint: 'sm', collapsed: { mobile: !opened || client, desktop: client } }} padding={{ base: 'md', sm: 'xl' }}>
      <a className="skip-to-content" href="#content">
        Skip to the content
      </a>
      <AppShell.Header className="card" style={{ borderWidth: '0 0 1px', borderRadius: 0 }}>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            {!client && <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={opened ? 'Close the navigation' : 'Open the navigation'} />}
            <img src="/favicon.svg" alt="" width={26} height={26} />
            <Text fw={700} size="lg">
              entrasync
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <ColourChoice />
            {!embedded() && <Person session={session} />}
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" className="card" style={{ borderWidth: '0 1px 0 0', borderRadius: 0 }} aria-label="Main">
        <ScrollArea>{!client && <Navigation session={session} path={path} close={close} />}</ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} style={{ outline: 'none' }}>
        <Box maw={1320} mx="auto">
          {ended && (
            <Alert color="orange" icon={<Icon name="warning" />} mb="md" role="alert">
              <Group justify="space-between">
                <Text>{embedded() ? 'Your session has ended. What you entered here stays until the application around this page signs you in again.' : 'Your session has ended. What you entered here stays: sign in in a new tab, then go on.'}</Text>
                {!embedded() && (
                  <Button component="a" href="/auth/sign-in?returnTo=/" target="_blank" size="xs">
                    Sign in
                  </Button>
                )}
              </Group>
            </Alert>
          )}
          {away && (
            <Alert color="orange" icon={<Icon name="warning" />} mb="md" role="status">
              The server cannot be reached. What you see may be old; as soon as it answers, this goes on by itself.
            </Alert>
          )}
          {client ? (
            <Empty order={1} icon="lock" title="This page is for your service provider">
              Users of the client portal see nothing here. Ask your service provider for what you need.
            </Empty>
          ) : (
            <Outlet />
          )}
        </Box>
      </AppShell.Main>
    </AppShell>
  )
}

function Navigation({ session, path, close }: { session: Session; path: string; close: () => void }) {
  return (
    <Stack gap="lg">
      {groups.map((group) => {
        const entries = group.entries.filter((entry) => entry.needs.every((flag) => session.flags[flag]))
        if (entries.length === 0) return null
        return (
          <Stack gap={2} key={group.title}>
            <Text size="xs" fw={600} c="dimmed" px="sm" pb={4}>
              {group.title}
            </Text>
            {entries.map((entry) => (
              <NavLink
                key={entry.to}
                className="nav-link"
                component={Link}
                to={entry.to}
                label={entry.label}
                leftSection={<Icon name={entry.icon} />}
                activeOptions={{ exact: entry.exact ?? false }}
                active={entry.exact ? path === entry.to : path.startsWith(entry.to)}
                onClick={close}
              />
            ))}
          </Stack>
        )
      })}
    </Stack>
  )
}

const schemes: { value: MantineColorScheme; label: string; icon: 'sun' | 'moon' | 'auto' }[] = [
  { value: 'light', label: 'Light', icon: 'sun' },
  { value: 'dark', label: 'Dark', icon: 'moon' },
  { value: 'auto', label: 'As the system', icon: 'auto' },
]

function ColourChoice() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const chosen = schemes.find((scheme) => scheme.value === colorScheme) ?? schemes[2]
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Light or dark">
          <Icon name={chosen?.icon ?? 'auto'} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {schemes.map((scheme) => (
          <Menu.Item
            key={scheme.value}
            leftSection={<Icon name={scheme.icon} size={16} />}
            rightSection={scheme.value === colorScheme ? <Icon name="check" size={16} /> : null}
            onClick={() => setColorScheme(scheme.value)}
          >
            {scheme.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

function may(permissions: string[]): string {
  if (permissions.includes('system_settings.update')) return 'May see and change everything'
  return permissions.includes('system_settings.read') ? 'May look, not change' : 'May not see anything'
}

function Person({ session }: { session: Session }) {
  const [failed, setFailed] = useState<unknown>(undefined)
  const leave = async (everywhere: boolean) => {
    try {
      location.assign(await signOut(everywhere))
    } catch (error) {
      setFailed(error)
    }
  }
  const name = session.name || session.email || session.userId
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <Button variant="subtle" color="gray" px="xs" leftSection={<Icon name="contacts" />} aria-label={`${name}: account`}>
          <Text size="sm" visibleFrom="xs" maw={160} truncate component="span">
            {name}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Box px="sm" py="xs">
          <Text fw={600} truncate>
            {name}
          </Text>
          {session.email && (
            <Text size="sm" c="dimmed" truncate>
              {session.email}
            </Text>
          )}
          <Text size="sm" c="dimmed">
            {may(session.permissions)}
          </Text>
        </Box>
        <Menu.Divider />
        <Menu.Item leftSection={<Icon name="out" size={16} />} onClick={() => void leave(false)}>
          Sign out
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="out" size={16} />} onClick={() => void leave(true)}>
          Sign out everywhere
        </Menu.Item>
        {failed !== undefined && (
          <Box p="xs">
            <Problem error={failed} />
          </Box>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
