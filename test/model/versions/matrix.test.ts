// Goal: profiles are what the released kernels are. Method: what was found by searching the source
// trees of sixteen releases (stable backports included), switch by switch, against the patch table.
import { describe, expect, it } from 'vitest';
import { PATCHES, type PatchName } from '../../../src/model/versions/patch-table.ts';
import { PATCH_NAMES, PROFILES, profileHas } from '../../../src/model/versions/profile.ts';

const TREES = [
  ...['4.4', '4.12', '4.15', '4.18', '5.0', '5.3', '5.4', '5.10'],
  ...['5.15', '5.19', '6.1', '6.2', '6.5', '6.8', '6.12', '7.2'],
];

/** A mark for each tree: Y where it has the patch, - where it does not, ? where nobody looked. */
const MATRIX: Partial<Record<PatchName, string>> = {
  dma_configure_at_probe: '-YYYYYYY YYYYYYYY',
  bus_dma_configure_cb: '---YYYYY YYYYYYYY',
  dma_ownership_iface: '-------- -YYYYYYY',
  bus_dma_cleanup: '-------- -YYYYYYY',
  test_remove_dma_cleanup: '-------- --Y-YYYY',
  identity_default_ok: '-------- -YYYY---',
  use_default_defer: '-------- -----YYY',
  device_claim_owner: '-------- ---YYYYY',
  require_direct: '-------- -----YYY',
  probe_errors_positive: '-------- YYYYYYYY',
  dma_configure_goto: '-------- -YYYYYYY',
  devres_before_links: '-------Y Y-Y-YYYY',
  probe_wording: '-------- ------YY',
  defer_reason_in_log: '-------- -----YYY',
  timeout_default_0: '-------Y YYYYYYYY',
  timeout_default_10: '-------- --YYYYYY',
  timeout_extend: '-------- -YYYYYYY',
  ready_to_probe: '-------- Y-Y--YYY',
  fw_devlink_permissive: '-------Y YYYYYYYY',
  fw_devlink_on: '-------- YYYYYYYY',
  fw_devlink_rpm: '-------- -----YYY',
  devlink_iommus: '-------Y YYYYYYYY',
  devlink_iommu_optional: '-------- YYYYYYYY',
  sync_state_timeout: '-------- ----YYYY',
  iommu_driver_refs: '-------Y YYYYYYYY',
  of_request_acs: '-------Y YYYYYYYY',
  of_acs_at_dma_configure: '-------- -------Y',
  bus_ops_unset: '-------Y YY??????',
  register_scans_buses: '-------- --YYYYYY',
  bus_ops_retired: '-------- -----YYY',
  probe_phases: '-------Y YYYYYYYY',
  direct_before_attach: '-------- ----YYYY',
  iommu_probe_rework: '-------- -----YYY',
  fw_parse_at_add: '-------- -------Y',
  release_silent: '-------- ----YYYY',
  group_type_writable: '-------- YYYYYYYY',
  smmu_modular: '-------Y YYYYYYYY',
  smmu_truthful_coherency: '-------- --YYYYYY',
  smmu_client_coherency_fallback: '-------- --YYYYYY',
  vfio_requires_coherency: '-------- -YYYYYYY',
  vfio_device_capable: '-------- --YYYYYY',
  vfio_claims: '-------- -YYYYYYY',
  portdrv_managed: '-------- -YYYYYYY',
  smmu_no_unregister_on_shutdown: '-------- --YYYYYY',
  smmu_suppress_bind: '----YYYY YYYYYYYY',
  iort_rmr: '-------- --YYYYYY',
  smmu_defer_unbound: '-------- Y-Y--YY-',
  smmu_register_last: '-------- -------Y',
  disable_bypass_default: '-----YYY YYYYYYYY',
  qcom_readback: '-------Y YYYYYYYY',
  qcom_def_identity: '-------Y YYYYYYYY',
  dt_iommu_addresses: '-------- ----YYYY',
  viommu_driver: '-----YYY YYYYYYYY',
  viommu_modular: '-------Y YYYYYYYY',
};

describe('the trees that were searched', () => {
  const rows = Object.entries(MATRIX).map(([name, marks]) => [name, marks.replace(' ', '')]);

  it.each(rows)('%s', (name, marks = '') => {
    const patch = PATCH_NAMES.find((known) => known === name);
    const found = [...marks].map((mark, i) => {
      const has = patch !== undefined && profileHas(TREES[i] ?? '', patch);
      return mark === '?' ? '?' : has ? 'Y' : '-';
    });
    expect(found.join('')).toBe(marks);
  });

  it('are among them all but one of the profiles', () => {
    expect(PROFILES.filter((profile) => !TREES.includes(profile))).toEqual(['6.6']);
  });

  it('agree with the releases that the table names', () => {
    for (const { landed, until } of Object.values(PATCHES))
      if (landed !== null && until !== undefined) expect(landed).not.toBe(until);
  });
});
