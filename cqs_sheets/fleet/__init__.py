"""Many tenants, any number of workers: each config of a folder is a tenant, the journal they share is in PostgreSQL.

What a sheet lacks stands in the journal. A job of the queue only reminds somebody to look: losing one costs a little
time, doing it twice nothing. See docs/how-to/many-machines.md.
"""
