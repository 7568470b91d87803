"""The bridge: takes messages from an IRIS queue (Azure Service Bus) and publishes them to Pub/Sub.

A message is completed only when Pub/Sub has confirmed it, and nobody here looks into a payload.
Delivery is at least once: a settlement that fails means that the message comes again, and the
reader recognises it by its message id.

How it is built, from the inside out:

    settings, forms    what the user sets, checked, with messages that name the setting
    login              what the bridge logs in with, as values
    message            a Service Bus message as a Pub/Sub message, or why it cannot be one
    pace, backoff      how many to ask for, how long to wait
    words, clock       what an error of either side means, and what to do; a clock that is wrong
    secret_manager     a client secret that Google keeps
    tokens             the login, and a secret that may be replaced
    source, guard      one receiver on the queue or on its dead-letter queue
    outcomes           what became of settlements and renewals
    topic, publishing  publish requests and what became of each message; again until confirmed
    locks, relay       receive, publish, complete
    dead_letters       a pass over what an outage left in the dead-letter queue
    service            connect, watch, reconnect, stop
    metrics, state, web, logs    what an operator sees
    monitoring, reporter         the metrics in Cloud Monitoring
    check              ``--check``: both sides looked at, nothing moved
"""
