"""Serves objects of the public media bucket, signing for them as CloudFront's origin access control does."""

import httpx
from starlette.requests import Request
from starlette.responses import Response

from infra.local import aws
from infra.local.frontdoor.cloud import Cloud
from infra.local.frontdoor.upstream import forward
from infra.local.settings import Local
from shared.errors import NotFound

PASSED_ON = frozenset({b"range", b"if-none-match", b"if-modified-since", b"accept-encoding"})


class Media:
    """The `/media/*` behaviour of the distribution: the key of an object is the path after it."""

    def __init__(self, local: Local, cloud: Cloud, client: httpx.AsyncClient) -> None:
        self._cloud, self._client = cloud, client
        self._s3 = aws.client(local, "s3")

    async def serve(self, request: Request) -> Response:
        """Answer with the object; raises NotFound for any key the bucket does not have."""
        url = self._s3.generate_presigned_url(
            "head_object" if request.method == "HEAD" else "get_object",
            Params={"Bucket": self._cloud.media_bucket(), "Key": request.path_params["key"]},
        )
        headers = [(name, value) for name, value in request.headers.raw if name in PASSED_ON]
        answer = await forward(self._client, request, url, headers)
        if answer.status_code in {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}:
            raise NotFound
        return answer
