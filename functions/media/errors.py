"""The refusals of media."""

from shared.errors import Refusal


class MediaNotFound(Refusal):
    status, error = 404, "media_not_found"
    zh, en = "文件不存在", "There is no such file"


class CategoryNotFound(Refusal):
    status, error = 404, "category_not_found"
    zh, en = "分类不存在", "There is no such category"


class VariantNotFound(Refusal):
    status, error = 404, "variant_not_found"
    zh, en = "没有该规格的文件", "The file has no such variant"


class AccessDenied(Refusal):
    status, error = 403, "access_denied"
    zh, en = "无权访问该文件", "You may not use this file"


class StorageQuotaExceeded(Refusal):
    status, error = 403, "storage_quota_exceeded"
    zh, en = "存储空间不足", "Your storage quota is used up"


class FileTooLarge(Refusal):
    status, error = 413, "file_too_large"
    zh, en = "文件过大", "The file is too large for its kind"


class UploadIncomplete(Refusal):
    status, error = 409, "upload_incomplete"
    zh, en = "文件尚未完整上传", "The file has not been uploaded completely"


class MediaNotReady(Refusal):
    status, error = 409, "media_not_ready"
    zh, en = "文件尚未通过检查", "The file has not passed its checks"


class ChecksumMismatch(Refusal):
    status, error = 422, "checksum_mismatch"
    zh, en = "文件校验和不一致", "The file differs from its checksum"


class TypeMismatch(Refusal):
    status, error = 422, "type_mismatch"
    zh, en = "文件内容与声明的类型不符", "The file is not what its content type says"


class MalwareDetected(Refusal):
    status, error = 422, "malware_detected"
    zh, en = "文件含有恶意软件", "The file contains malware"
