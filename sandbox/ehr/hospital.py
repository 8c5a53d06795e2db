"""One pretend hospital: its record, its images, its authorization server, its faults, and where it stands on the network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from sandbox.ehr.access import Access
from sandbox.ehr.auth.bearer import access_of
from sandbox.ehr.auth.server import AuthorizationServer
from sandbox.ehr.config import Config
from sandbox.ehr.dicomweb.images import Images
from sandbox.ehr.faults import Faults
from sandbox.ehr.negotiation import require_acceptable
from sandbox.ehr.outcome import Refusal, refused
from sandbox.ehr.parameters import PARAMETERS
from sandbox.ehr.searchset import Searchsets
from sandbox.ehr.store import Store


class Hospital:
    """The state that the routes share. Whoever binds the port moves it there before the first request."""

    def __init__(self, store: Store, config: Config | None = None) -> None:
        """A hospital that holds `store`."""
        self.store = store
        self.images = Images()
        self.config = config or Config()
        self.faults = Faults()
        self.auth = AuthorizationServer(self.config)
        self.searchsets = Searchsets(store, gives_total=self.config.gives_total)
        self.move_to("http://127.0.0.1")

    def move_to(self, origin: str) -> None:
        """Stand at another origin from now on."""
        self.auth.origin = self.origin = origin
        self.store.base = self.base

    @property
    def base(self) -> str:
        """The FHIR base URL: the SMART issuer, without a trailing slash."""
        return f"{self.origin}/fhir"

    @property
    def dicomweb(self) -> str:
        """The base URL of its image server."""
        return f"{self.origin}/dicomweb"

    def known_type(self, request: Request) -> str:
        """The resource type in the path.

        Raises:
            Refusal: 404 for a type that this hospital does not offer.
        """
        type_ = str(request.path_params["type"])
        if type_ not in PARAMETERS or type_ in self.config.without:
            raise Refusal(404, "this server does not know the resource type")
        return type_

    def access(self, request: Request) -> Access:
        """What the request may see: everything where no token is needed.

        Raises:
            Refusal: 401.
        """
        return access_of(request.headers.get("authorization"), self.auth.tokens) if self.config.requires_token else Access()


Handler = Callable[[Hospital, Request, Access], Awaitable[Response]]


def guarded(hospital: Hospital, handler: Handler, *, negotiates: bool = True) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that first checks authorization and, if it `negotiates`, the accepted media type; a refusal is an OperationOutcome."""

    async def endpoint(request: Request) -> Response:
        try:
            access = hospital.access(request)
            if negotiates:
                require_acceptable(request)
            return await handler(hospital, request, access)
        except Refusal as refusal:
            return refused(refusal)

    return endpoint
