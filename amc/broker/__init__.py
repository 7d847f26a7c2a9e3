"""The broker room: Redis, and what may be lost: queues, leases, heartbeats, live progress."""
