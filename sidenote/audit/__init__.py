"""Who read, asked, decided and wrote what: rows shaped as R4 AuditEvents, appended to a chain that shows tampering. No row, no read.

The rows hold PHI by design (patient, user, what was searched for). Nothing else of the product may read them but `sidenote audit`.
"""
