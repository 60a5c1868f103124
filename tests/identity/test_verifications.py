from collections.abc import Callable
from typing import Any

import pytest
from jose import jwt

from functions.identity.store import sessions as store
from shared import crypto
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_file
from tests.fixtures.postgres import House
from tests.identity.conftest import CARD, counted

Register = Callable[..., dict[str, Any]]
IDENTITY = {"real_name": "张三丰", "id_number": CARD}
CREATOR = {"field": "历史", "introduction": "我写历史。", "sample_urls": ["https://example.com/1"]}


@pytest.fixture
def reviewer(sign_in: SignIn, keys: None) -> str:
    """Token of an operator who may read and decide; signed by the test key, published beside the real one."""
    return sign_in(1, permissions=("verification:read", "verification:review"))


@pytest.fixture
def ann(sign_in: SignIn, register: Register) -> dict[str, Any]:
    """A user: uid and token."""
    uid = register()["user"]["user_id"]
    return {"uid": uid, "token": sign_in(uid, roles=("user",))}


@pytest.fixture
def decide(api_of_self: Api, reviewer: str) -> Callable[..., Any]:
    def decided(verification_id: int, action: str = "approve", **fields: Any) -> Any:
        return api_of_self.post(
            f"/admin/verifications/{verification_id}/review", {"action": action} | fields, token=reviewer
        )

    return decided


@pytest.fixture
def approved(api_of_self: Api, ann: dict[str, Any], decide: Callable[..., Any]) -> dict[str, Any]:
    """Ann, her real name approved."""
    submitted = api_of_self.post("/users/identity-verify", IDENTITY, token=ann["token"]).data
    assert decide(submitted["verification_id"]).status == 200
    return ann


def test_a_real_name_is_handed_in_encrypted_and_shown_masked(api_of_self: Api, ann: dict[str, Any], house: House) -> None:
    picture = make_file(house.sql, ann["uid"])
    reply = api_of_self.post("/users/identity-verify", IDENTITY | {"front_media_id": picture}, token=ann["token"])
    assert reply.status == 201
    shown = reply.data
    assert (shown["kind"], shown["status"], shown["user_id"]) == ("identity", "pending", ann["uid"])
    assert (shown["real_name_masked"], shown["id_number_masked"]) == ("张**", "110***********002X")
    assert shown["payload"] == {"media_ids": [picture]}
    assert api_of_self.get("/users/identity-verify", token=ann["token"]).data == shown
    ((name, number, hashed),) = house.sql("SELECT real_name, id_number, id_number_hash FROM identity.user_verifications")
    assert CARD not in (stored := f"{name}{number}{hashed}")
    assert "张" not in stored
    context = {"table": "user_verifications", "column": "id_number", "uid": str(ann["uid"])}
    assert crypto.decrypt(number, context) == CARD
    with pytest.raises(crypto.Undecipherable):
        crypto.decrypt(number, context | {"uid": "1"})
    profile = api_of_self.get("/users/profile", token=ann["token"]).data
    assert (profile["identity_status"], profile["identity_verified"]) == ("pending", False)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"id_number": "110105194912310021"}, (422, "id_number_invalid")),
        ({"id_type": "passport", "id_number": "?"}, (422, "id_number_invalid")),
        ({"id_type": "driving_licence"}, (422, "validation_error")),
        ({"real_name": "  "}, (422, "validation_error")),
        ({"front_media_id": 2**63}, (422, "validation_error")),
    ],
)
def test_a_wrong_document_is_refused(
    api_of_self: Api, ann: dict[str, Any], fields: dict[str, Any], error: tuple[int, str]
) -> None:
    assert api_of_self.post("/users/identity-verify", IDENTITY | fields, token=ann["token"]).error == error


def test_one_verification_is_open_at_a_time_and_a_rejected_one_may_be_handed_in_again(
    api_of_self: Api, ann: dict[str, Any], decide: Callable[..., Any]
) -> None:
    path = "/users/identity-verify"
    first = api_of_self.post(path, IDENTITY, token=ann["token"]).data["verification_id"]
    assert api_of_self.post(path, IDENTITY, token=ann["token"]).error == (409, "verification_pending")
    rejected = decide(first, "reject", comment="照片不清楚").data
    assert (rejected["status"], rejected["comment"]) == ("rejected", "照片不清楚")
    assert api_of_self.get("/users/profile", token=ann["token"]).data["identity_status"] == "rejected"
    second = api_of_self.post(path, IDENTITY, token=ann["token"]).data["verification_id"]
    assert decide(second).data["status"] == "approved"
    assert api_of_self.post(path, IDENTITY, token=ann["token"]).error == (409, "already_verified")
    assert api_of_self.get(path, token=ann["token"]).data["verification_id"] == second


def test_one_document_is_approved_for_one_account(
    *,
    api_of_self: Api,
    approved: dict[str, Any],
    register: Register,
    sign_in: SignIn,
    decide: Callable[..., Any],
    house: House,
) -> None:
    bob = sign_in(register(email="bob@example.com")["user"]["user_id"])
    handed_in = api_of_self.post("/users/identity-verify", IDENTITY | {"id_number": CARD.lower()}, token=bob).data
    assert decide(handed_in["verification_id"]).error == (409, "already_verified")
    assert api_of_self.get("/users/identity-verify", token=bob).data["status"] == "pending"
    done = house.sql("SELECT target_id FROM admin.operator_audit_logs WHERE action_type = 'review_verification'")
    assert len(done) == 1


def test_nothing_handed_in_is_not_found(api_of_self: Api, ann: dict[str, Any]) -> None:
    for path in ("/users/identity-verify", "/users/creator-apply"):
        assert api_of_self.get(path).error == (401, "unauthenticated")
        assert api_of_self.get(path, token=ann["token"]).error == (404, "verification_not_found")


def test_a_creator_needs_a_real_name_first(api_of_self: Api, ann: dict[str, Any]) -> None:
    assert api_of_self.post("/users/creator-apply", CREATOR).error == (401, "unauthenticated")
    assert api_of_self.post("/users/creator-apply", CREATOR, token=ann["token"]).error == (409, "identity_not_verified")


@pytest.mark.parametrize(
    "fields",
    [
        {"introduction": "x" * 2001},
        {"sample_urls": ["javascript:alert(1)"]},
        {"sample_urls": ["https://a.b"] * 21},
        {"field": ""},
        {"status": "approved"},
    ],
)
def test_a_malformed_application_is_refused(api_of_self: Api, approved: dict[str, Any], fields: dict[str, Any]) -> None:
    reply = api_of_self.post("/users/creator-apply", CREATOR | fields, token=approved["token"])
    assert reply.error == (422, "validation_error")


def test_an_approved_application_grants_the_role_to_live_sessions_at_once(
    api_of_self: Api,
    approved: dict[str, Any],
    auth_api: Api,
    decide: Callable[..., Any],
    house: House,
) -> None:
    token = approved["token"]
    handed_in = api_of_self.post("/users/creator-apply", CREATOR, token=token)
    assert handed_in.status == 201
    assert handed_in.data["payload"] == CREATOR | {"contact": None}
    assert api_of_self.post("/users/creator-apply", CREATOR, token=token).error == (409, "verification_pending")
    assert api_of_self.get("/users/profile", token=token).data["creator_status"] == "pending"
    assert decide(handed_in.data["verification_id"]).data["status"] == "approved"
    profile = api_of_self.get("/users/profile", token=token).data
    assert (profile["is_creator"], profile["creator_status"], profile["roles"]) == (True, "approved", ["creator", "user"])
    (session, *_) = [item for item in store.all_of(approved["uid"]) if jwt.get_unverified_claims(token)["sid"] in item.sk]
    assert "creator" in session.roles
    assert all("creator" in item.roles for item in store.all_of(approved["uid"]))
    assert [fact["uid"] for fact in house.facts("identity.creator_approved.v1")] == [approved["uid"]]
    assert api_of_self.post("/users/creator-apply", CREATOR, token=token).error == (409, "already_creator")


def test_a_rejected_application_grants_nothing(
    api_of_self: Api, approved: dict[str, Any], decide: Callable[..., Any], house: House
) -> None:
    handed_in = api_of_self.post("/users/creator-apply", CREATOR, token=approved["token"]).data
    decide(handed_in["verification_id"], "reject", comment="太短")
    profile = api_of_self.get("/users/profile", token=approved["token"]).data
    assert (profile["is_creator"], profile["creator_status"]) == (False, "rejected")
    assert house.facts("identity.creator_approved.v1") == []
    assert api_of_self.post("/users/creator-apply", CREATOR, token=approved["token"]).status == 201


def test_a_decision_is_made_once_and_written_into_the_audit_log(
    api_of_self: Api, ann: dict[str, Any], decide: Callable[..., Any], house: House
) -> None:
    number = api_of_self.post("/users/identity-verify", IDENTITY, token=ann["token"]).data["verification_id"]
    assert decide(number, "reject").error == (422, "validation_error")
    assert decide(number, "reject", comment="  ").error == (422, "validation_error")
    assert decide(number + 1).error == (404, "verification_not_found")
    assert decide(number).status == 200
    assert decide(number).error == (409, "already_reviewed")
    assert decide(number, "reject", comment="x").error == (409, "already_reviewed")
    assert house.sql(
        """
        SELECT operator_id, action_type, target_type, target_id, action_details, ip_address
        FROM admin.operator_audit_logs WHERE action_type = 'review_verification'
        """
    ) == [
        (
            1,
            "review_verification",
            "verification",
            number,
            {
                "user_id": ann["uid"],
                "kind": "identity",
                "before": {"status": "pending"},
                "after": {"status": "approved", "comment": None},
                "result": "success",
            },
            "203.0.113.7",
        )
    ]


def test_the_queue_and_the_decision_are_for_operators_who_may(
    api_of_self: Api, ann: dict[str, Any], sign_in: SignIn
) -> None:
    number = api_of_self.post("/users/identity-verify", IDENTITY, token=ann["token"]).data["verification_id"]
    review = f"/admin/verifications/{number}/review"
    reader = sign_in(2, permissions=("verification:read",))
    assert api_of_self.get("/admin/verifications").error == (401, "unauthenticated")
    assert api_of_self.get("/admin/verifications", token=ann["token"]).error == (403, "permission_denied")
    assert api_of_self.get("/admin/verifications", token=sign_in(3, permissions=("user:read",))).error == (
        403,
        "permission_denied",
    )
    assert api_of_self.get("/admin/verifications", token=reader).status == 200
    assert api_of_self.post(review, {"action": "approve"}).error == (401, "unauthenticated")
    assert api_of_self.post(review, {"action": "approve"}, token=ann["token"]).error == (403, "permission_denied")
    assert api_of_self.post(review, {"action": "approve"}, token=reader).error == (403, "permission_denied")


def test_the_queue_is_filtered_sorted_and_paged_in_one_statement(
    api_of_self: Api, register: Register, sign_in: SignIn, reviewer: str, house: House
) -> None:
    numbers = []
    for index in range(3):
        uid = register(email=f"u{index}@example.com")["user"]["user_id"]
        body = {"real_name": "李四", "id_type": "passport", "id_number": f"E0000000{index}"}
        numbers.append(api_of_self.post("/users/identity-verify", body, token=sign_in(uid)).data["verification_id"])
    path = "/admin/verifications"
    with counted(house) as statements:
        page = api_of_self.get(path, token=reviewer, query={"page_size": 2, "status": "pending"}).data
    assert statements == [1]
    assert [item["verification_id"] for item in page["items"]] == numbers[:0:-1]
    assert (page["total"], page["page"], page["page_size"]) == (3, 1, 2)
    rest = api_of_self.get(path, token=reviewer, query={"page_size": 2, "cursor": page["next_cursor"], "status": "pending"})
    assert [item["verification_id"] for item in rest.data["items"]] == numbers[:1]
    assert rest.data["next_cursor"] is None
    assert api_of_self.get(path, token=reviewer, query={"kind": "creator"}).data["items"] == []
    assert api_of_self.get(path, token=reviewer, query={"user_id": uid}).data["total"] == 1
    assert api_of_self.get(path, token=reviewer, query={"status": "lost"}).error == (422, "validation_error")
    assert api_of_self.get(path, token=reviewer, query={"sort_by": "real_name"}).error == (422, "validation_error")
    assert api_of_self.get(path, token=reviewer, query={"user_id": 2**63}).error == (422, "validation_error")


def test_an_impossible_number_is_not_found(decide: Callable[..., Any]) -> None:
    assert decide(0).error == (404, "verification_not_found")
    assert decide(2**63).status in {404, 422}


def test_a_profile_takes_one_statement(api_of_self: Api, ann: dict[str, Any], house: House) -> None:
    with counted(house) as statements:
        assert api_of_self.get("/users/profile", token=ann["token"]).status == 200
    assert statements == [1]


def test_finance_learns_the_masked_name_once_it_is_approved(approved: dict[str, Any], house: House) -> None:
    with house.acting("finance") as db:
        assert db.execute("SELECT * FROM identity.pub_payout_identity").fetchall() == [(approved["uid"], True, "张**")]


def test_the_profile_of_an_account_deleted_meanwhile_ends_the_session(
    api_of_self: Api, ann: dict[str, Any], house: House
) -> None:
    house.sql("UPDATE identity.users SET status = 'deleted'")
    assert api_of_self.get("/users/profile", token=ann["token"]).error == (401, "token_revoked")
