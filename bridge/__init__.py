"""The bridge: takes messages from an IRIS queue (Azure Service Bus) and publishes them to Pub/Sub.

A message is completed only when Pub/Sub has confirmed it, and nobody here looks into a payload.
Delivery is at least once: a settlement that fails means that the message comes again, and the
reader recognises it by its message id.

How it is built, from the inside out:

    settings         what the user sets, checked, with messages that name the setting
    message          a Service Bus message as a Pub/Sub message, or the reason why it cannot be one
    pace, backoff    how many to ask for, how long to wait
    words            what an error of either side means, and what to do
    source, guard    one receiver on the queue or on its dead-letter queue
    topic            publish requests and what became of each message
    locks, relay     receive, publish, complete
    service          connect, watch, dead letters, reconnect, stop
    metrics, state, web, logs    what an operator sees
    check            ``--check``: both sides looked at, nothing moved
"""
