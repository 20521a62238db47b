"""The command ``doctor``: is this cluster fit for informers, and if not, whose turn is it?

::

    command     the command: asks, within a time, and prints
    report      what is found out: plain facts, which are the JSON too
    asking      how is asked: bounded in time and memory, and in words that say at which stage it failed
    server      facts about the server and about who is asking
    resource    facts about one resource
    sizes       facts about its objects: how many, how large, and what an informer would take for them
    diagnosis   what the facts mean: errors, warnings, notes; and whether that is healthy
    view        the report on one screen

Rules. Nothing is written to the cluster but SelfSubject*Reviews, which are questions. Facts are noted as they are
found, so that a report is there whenever the time is up. What the server wrote is made printable before it is a fact.
"""
