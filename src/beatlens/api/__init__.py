"""Behind other programs: recordings come in over HTTP, analyses go out. `beatlens.api.server.create_app` makes the application.

A request passes the gate (key, origin, size, time, number), a route (no logic), the service (jobs, limits), and the store
(SQLite); what is heavy or reads a stranger's file runs in a worker process that can be ended.
"""
