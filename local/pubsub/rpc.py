"""How methods become gRPC handlers: names, errors as statuses, everything else UNIMPLEMENTED."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import grpc

from local.pubsub.faults import Faults
from local.pubsub.model import PubSubError, Unimplemented

#: A method takes a protocol buffer and the call's context and answers with a protocol buffer;
#: None stands for ``google.protobuf.Empty``.
Unary = Callable[[Any, grpc.ServicerContext], Any]
Stream = Callable[[Iterator[Any], grpc.ServicerContext], Iterator[Any]]


class Service(grpc.GenericRpcHandler):
    """One gRPC service, from its methods.

    Args:
        name: the service's full name, such as ``google.pubsub.v1.Publisher``.
        faults: delays the answers of the unary methods.
        unary: methods by name, each with its request's message class.
        streams: the same for methods with a stream in both directions.
    """

    def __init__(
        self,
        name: str,
        faults: Faults,
        unary: Mapping[str, tuple[Unary, Any]],
        streams: Mapping[str, tuple[Stream, Any]] | None = None,
    ) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler] = {
            f"/{name}/{method}": grpc.unary_unary_rpc_method_handler(
                _answering(method, behaviour, faults), request.pb().FromString, _serialize
            )
            for method, (behaviour, request) in unary.items()
        }
        for method, (stream, request) in (streams or {}).items():
            self._handlers[f"/{name}/{method}"] = grpc.stream_stream_rpc_method_handler(
                _streaming(stream), request.pb().FromString, _serialize
            )

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """gRPC's look-up of a method; None leaves it to the next service."""
        return self._handlers.get(details.method)


class EverythingElse(grpc.GenericRpcHandler):
    """The last service of a server: refuses every method with UNIMPLEMENTED and its name."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """gRPC's look-up of a method."""

        def refuse(request: bytes, context: grpc.ServicerContext) -> NoReturn:
            name = details.method.strip("/")
            abort(context, Unimplemented(f"{name}: not a method of the local Pub/Sub server"))

        return grpc.unary_unary_rpc_method_handler(refuse)


def _answering(method: str, behaviour: Unary, faults: Faults) -> Unary:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            response = behaviour(request, context)
        except PubSubError as error:
            abort(context, error)
        faults.await_delay(method)
        return response

    return answer


def _streaming(stream: Stream) -> Stream:
    def answer(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from stream(requests, context)
        except PubSubError as error:
            abort(context, error)

    return answer


def abort(context: grpc.ServicerContext, error: PubSubError) -> NoReturn:
    """Ends the call with the error's status and text."""
    context.abort(grpc.StatusCode[error.status], str(error))
    raise AssertionError("abort raises")


def _serialize(message: Any) -> bytes:
    return b"" if message is None else message.SerializeToString()
