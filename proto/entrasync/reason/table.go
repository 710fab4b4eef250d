package reason

// groups are all reasons, in the order of the page; each has a file of its name.
var groups = []Group{everyCall, platformFlags, connection, browser, mapping, runs, people, inside}
