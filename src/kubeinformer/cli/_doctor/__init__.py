"""The command ``doctor``: is this cluster fit for informers, and if not, who has to fix what?

::

    command     the command: asks within a time limit, and prints
    report      what is found out: plain facts, which are also the JSON
    asking      sends the questions: limits time and memory, and says at which stage a question failed
    server      facts about the server and about the user who asks
    resource    facts about one resource
    sizes       facts about its objects: how many, how large, and how much memory an informer would take for them
    diagnosis   what the facts mean: errors, warnings, notes; and whether that is healthy
    view        the report on one screen

Rules. Nothing is written to the cluster, except SelfSubject*Reviews, which are questions. Facts are recorded as soon as
they are found, so there is a report whenever the time is up. Text from the server is made printable before it becomes a
fact.
"""
