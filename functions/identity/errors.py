"""How identity says no."""

from shared.errors import Refusal


class CodeInvalid(Refusal):
    status, error = 400, "code_invalid"
    zh, en = "验证码错误或已过期", "The code is wrong or has expired"


class OauthStateInvalid(Refusal):
    status, error = 400, "oauth_state_invalid"
    zh, en = "授权已失效，请重新发起", "This authorization is not valid any more, please start again"


class TotpCodeInvalid(Refusal):
    status, error = 400, "totp_code_invalid"
    zh, en = "动态验证码错误", "The one-time password is wrong"


class WrongPassword(Refusal):
    status, error = 400, "wrong_password"
    zh, en = "密码错误", "The password is wrong"


class InvalidCredentials(Refusal):
    status, error = 401, "invalid_credentials"
    zh, en = "账号或密码错误", "The account or the password is wrong"


class RefreshTokenInvalid(Refusal):
    status, error = 401, "refresh_token_invalid"
    zh, en = "登录凭证无效，请重新登录", "The refresh token is not valid, please sign in again"


class RefreshTokenReused(Refusal):
    status, error = 401, "refresh_token_reused"
    zh, en = "登录凭证已被使用过，为安全起见已退出登录", "The refresh token was used before, so the session has been ended"


class TotpRequired(Refusal):
    status, error = 401, "totp_required"
    zh, en = "请输入动态验证码", "A one-time password is required"


class TotpInvalid(Refusal):
    status, error = 401, "totp_invalid"
    zh, en = "动态验证码错误", "The one-time password is wrong"


class DeviceBanned(Refusal):
    status, error = 403, "device_banned"
    zh, en = "此设备已被封禁", "This device is banned"


class AccountDeactivated(Refusal):
    status, error = 403, "account_deactivated"
    zh, en = "账号已停用，可选择恢复", "This account is deactivated; it can be reactivated"


class NotStaff(Refusal):
    status, error = 403, "not_staff"
    zh, en = "不是运营人员账号", "This account is not an operator's"


class ProfilePrivate(Refusal):
    status, error = 403, "profile_private"
    zh, en = "该用户的主页未公开", "This profile is private"


class ListHidden(Refusal):
    status, error = 403, "list_hidden"
    zh, en = "该用户未公开此列表", "This user does not show this list"


class CannotDeleteStaff(Refusal):
    status, error = 403, "cannot_delete_staff"
    zh, en = (
        "运营人员账号不能注销，请先解除职务",
        "An operator's account cannot be deleted; the office has to be given up first",
    )


class InvitationNotFound(Refusal):
    status, error = 404, "invitation_not_found"
    zh, en = "邀请码不存在", "There is no such invitation code"


class OauthAccountNotFound(Refusal):
    status, error = 404, "oauth_account_not_found"
    zh, en = "未绑定该第三方账号", "No account of this provider is linked"


class VerificationNotFound(Refusal):
    status, error = 404, "verification_not_found"
    zh, en = "认证申请不存在", "There is no such verification"


class UserNotFound(Refusal):
    status, error = 404, "user_not_found"
    zh, en = "用户不存在", "There is no such user"


class PostNotFound(Refusal):
    status, error = 404, "post_not_found"
    zh, en = "帖子不存在", "There is no such post"


class MediaNotFound(Refusal):
    status, error = 404, "media_not_found"
    zh, en = "文件不存在", "There is no such file"


class SessionNotFound(Refusal):
    status, error = 404, "session_not_found"
    zh, en = "会话不存在", "There is no such session"


class BalanceNotZero(Refusal):
    status, error = 409, "balance_not_zero"
    zh, en = "账户余额或待结算收入未清零", "There is still a balance, or income that is not settled yet"


class WithdrawalInProgress(Refusal):
    status, error = 409, "withdrawal_in_progress"
    zh, en = "有提现正在处理", "A withdrawal is still in progress"


class MergeSameAccount(Refusal):
    status, error = 409, "merge_same_account"
    zh, en = "不能与自己合并", "This is the account you are signed in with"


class MergeBlocked(Refusal):
    """`details.reasons` says why, each in both languages."""

    status, error = 409, "merge_blocked"
    zh, en = "这两个账号目前不能合并", "These two accounts cannot be merged now"


class MergeExpired(Refusal):
    status, error = 409, "merge_expired"
    zh, en = "合并请求已失效，请重新发起", "This merge is not open any more, please start it again"


class MergeNotUndoable(Refusal):
    status, error = 409, "merge_not_undoable"
    zh, en = "此合并已不能撤销", "This merge cannot be undone any more"


class MergeNotFound(Refusal):
    status, error = 404, "merge_not_found"
    zh, en = "合并请求不存在", "There is no such merge"


class EmailTaken(Refusal):
    status, error = 409, "email_taken"
    zh, en = "邮箱已被使用", "This e-mail address is already in use"


class PhoneTaken(Refusal):
    status, error = 409, "phone_taken"
    zh, en = "手机号已被使用", "This phone number is already in use"


class UsernameTaken(Refusal):
    status, error = 409, "username_taken"
    zh, en = "用户名已被使用", "This username is already in use"


class OauthAlreadyBound(Refusal):
    status, error = 409, "oauth_already_bound"
    zh = "该第三方账号已绑定其他账号，或已绑定过同一平台的账号"
    en = "This provider account is linked to another account, or another one of this provider is linked to yours"


class LastLoginMethod(Refusal):
    status, error = 409, "last_login_method"
    zh = "这是唯一的登录方式，请先设置密码或绑定邮箱、手机"
    en = "This is the only way to sign in: set a password or verify an e-mail address or phone number first"


class SamePassword(Refusal):
    status, error = 409, "same_password"
    zh, en = "新密码不能与原密码相同", "The new password must differ from the old one"


class TotpRequiredForStaff(Refusal):
    status, error = 409, "totp_required_for_staff"
    zh, en = "运营人员必须使用动态验证码", "Operators must keep their one-time passwords"


class VerificationPending(Refusal):
    status, error = 409, "verification_pending"
    zh, en = "已有待审核的申请", "An application is already waiting for review"


class AlreadyVerified(Refusal):
    status, error = 409, "already_verified"
    zh, en = "已完成实名认证", "The real-name verification is already done"


class IdentityNotVerified(Refusal):
    status, error = 409, "identity_not_verified"
    zh, en = "请先完成实名认证", "Please complete real-name verification first"


class AlreadyCreator(Refusal):
    status, error = 409, "already_creator"
    zh, en = "已是认证创作者", "You are already a creator"


class CannotFollowSelf(Refusal):
    status, error = 409, "cannot_follow_self"
    zh, en = "不能关注自己", "You cannot follow yourself"


class MediaNotReady(Refusal):
    status, error = 409, "media_not_ready"
    zh, en = "文件尚未通过检查", "The file has not passed its checks"


class AlreadyReviewed(Refusal):
    status, error = 409, "already_reviewed"
    zh, en = "已审核，请勿重复处理", "This has already been reviewed"


class ConsentRequired(Refusal):
    status, error = 422, "consent_required"
    zh, en = "请先同意用户协议和隐私政策", "Please agree to the terms and the privacy policy"


class TargetInvalid(Refusal):
    status, error = 422, "target_invalid"
    zh, en = "邮箱或手机号格式不正确", "The e-mail address or phone number is not valid"


class IdNumberInvalid(Refusal):
    status, error = 422, "id_number_invalid"
    zh, en = "证件号码不正确", "The id number is not valid"


class TimezoneInvalid(Refusal):
    status, error = 422, "timezone_invalid"
    zh, en = "时区不存在", "There is no such time zone"


class NotAnImage(Refusal):
    status, error = 422, "not_an_image"
    zh, en = "该文件不是图片", "The file is not an image"


class RedirectUriNotAllowed(Refusal):
    status, error = 422, "redirect_uri_not_allowed"
    zh, en = "回调地址未登记", "This redirect address is not registered"


class AccountLocked(Refusal):
    status, error = 423, "account_locked"
    zh, en = "密码错误次数过多，账号已暂时锁定", "Too many wrong passwords: the account is locked for a while"


class ExportTooFrequent(Refusal):
    status, error = 429, "export_too_frequent"
    zh, en = "24 小时内只能导出一次数据", "Your data can be exported once in 24 hours"


class CodeTooFrequent(Refusal):
    status, error = 429, "code_too_frequent"
    zh, en = "验证码发送过于频繁，请稍后再试", "A code was sent recently, please try again later"


class OauthProviderError(Refusal):
    status, error = 502, "oauth_provider_error"
    zh, en = "第三方登录未成功，请重试", "Signing in with the provider did not work, please try again"


class ProviderNotConfigured(Refusal):
    status, error = 503, "provider_not_configured"
    zh, en = "该登录方式暂未开通", "This provider is not available here"


class ApiKeyNotFound(Refusal):
    status, error = 404, "key_not_found"
    zh, en = "密钥不存在", "There is no such key"


class TooManyKeys(Refusal):
    status, error = 409, "too_many_keys"
    zh, en = "API 密钥数量已达上限", "You have as many API keys as you may have"


class ScopeUnknown(Refusal):
    status, error = 422, "scope_unknown"
    zh, en = "没有此权限范围", "There is no such scope"
