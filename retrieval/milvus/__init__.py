"""The case index in Milvus: the same cards and queries, beyond one machine; milvus-lite keeps it in a local file.

A library is built and checked in its folder and then published as a whole. One collection holds one generation: a row a case,
with its vectors, what filters and leak rules look at, its card and the hash that ties them together; and, written last, rows
that seal it with the generation's manifest. An alias names the collection in use, so that no search meets half of one.
"""
