// What is done before anything is drawn, and before the scripts are there.

// A dark page does not flash in white.
;(function () {
  var chosen = null
  try {
    chosen = localStorage.getItem('mantine-color-scheme-value')
  } catch {
    // A browser that keeps nothing follows the system.
  }
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
})()

// Who is signed in is asked while the scripts are on their way; in a frame the page around it says that.
if (window.parent === window) {
  window.entrasyncSession = fetch('/auth/session', { cache: 'no-store' })
  window.entrasyncSession.catch(function () {})
}
