"""What administration runs and may touch."""

from shared.manifest import HttpFunction, Manifest

MANIFEST = Manifest(
    domain="admin",
    functions=(
        HttpFunction(
            routes=("/admin/settings", "/admin/permissions", "/admin/permissions/{proxy+}", "/admin/roles", "/admin/roles/{proxy+}"),
        ),
    ),
)
