//! Tells people about alerts: route, group, throttle, queue, and one channel a file.
