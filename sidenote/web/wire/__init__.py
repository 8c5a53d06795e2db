"""What goes over HTTP between the sidebar and us, as pydantic models: the OpenAPI document and `static/wire.d.ts` are made from them.

Times are ISO 8601 with their offset; texts are plain text, never markup, and a page shows them as text alone.
"""
